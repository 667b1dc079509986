"""Calls and sends: a request becomes a submission, an outcome or an acceptance becomes the response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.engine import Submission
from holdfast_engine.errors import AlreadyInvoked
from holdfast_engine.records import Kind, Target
from holdfast_http.durations import DurationError, parse_duration_ms
from holdfast_http.ingress.answers import error_response, outcome_response
from holdfast_http.ingress.input_rules import check_input
from holdfast_http.messages import Headers, Request, Response, json_response, query_values
from holdfast_http.problems import bad_request
from holdfast_http.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast_engine.registry import HandlerSpec
    from holdfast_http.ingress.tools import Tools

# Of this connection, or of this request alone; the handler must not take them for its caller's.
_DROPPED_HEADERS = frozenset(
    (
        "connection",
        "host",
        "idempotency-expires",
        "idempotency-key",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_OWN_PREFIX = "x-restate-"


async def call(tools: Tools, request: Request, target: Target) -> Response:
    """Submit and wait for the outcome."""
    handler = tools.engine.registry.handler(target.service, target.handler)
    query = query_values(request.query)
    if "delay" in query:
        raise bad_request("a call cannot have a delay, because its caller waits; use send instead of call")
    submission = _submission(tools, request, query, target=target, handler=handler, invoke_at_ms=None)
    try:
        finished = await tools.waiting_room.wait(tools.engine.call(submission))
    except AlreadyInvoked as error:
        # With the id of the first run the caller can attach to it.
        invocation_id = tools.engine.invocation_id_of(target, idempotency_key=None)
        headers = (("x-restate-id", invocation_id),)
        return error_response(error.http_status, str(error), headers, holdfast_code=error.code)
    return outcome_response(finished, handler.output)


async def send(tools: Tools, request: Request, target: Target) -> Response:
    """Submit and answer as soon as the invocation is durable."""
    handler = tools.engine.registry.handler(target.service, target.handler)
    query = query_values(request.query)
    invoke_at_ms = _invoke_at_ms(tools, query)
    submission = _submission(tools, request, query, target=target, handler=handler, invoke_at_ms=invoke_at_ms)
    accepted = await tools.waiting_room.wait(tools.engine.send(submission))
    content = {
        "invocationId": accepted.invocation_id,
        "status": "Accepted" if accepted.is_new else "PreviouslyAccepted",
    }
    if accepted.invoke_at_ms is not None:
        content["executionTime"] = rfc3339(accepted.invoke_at_ms)
    return json_response(202, content, (("x-restate-id", accepted.invocation_id),))


def _submission(
    tools: Tools,
    request: Request,
    query: Mapping[str, str],
    *,
    target: Target,
    handler: HandlerSpec,
    invoke_at_ms: int | None,
) -> Submission:
    idempotency_key = _idempotency_key(request, handler)
    check_input(request, handler, tools.schemas)
    return Submission(
        target=target,
        headers=_input_headers(request),
        body=request.body,
        idempotency_key=idempotency_key,
        invoke_at_ms=invoke_at_ms,
        limit_key=_limit_key(request, query, target),
    )


def _input_headers(request: Request) -> Headers:
    kept = [header for header in request.headers if header[0] not in _DROPPED_HEADERS and header[0][:10] != _OWN_PREFIX]
    kept.append(("x-restate-ingress-path", request.path))
    return tuple(kept)


def _idempotency_key(request: Request, handler: HandlerSpec) -> str | None:
    key = request.header("idempotency-key")
    if key is None:
        return None
    if not key:
        raise bad_request("the header idempotency-key is empty; leave it out or give it a value")
    if handler.kind is Kind.WORKFLOW:
        raise bad_request(
            f"{handler.service}/{handler.name} runs once per workflow key, so it takes no idempotency-key header"
        )
    return key


def _limit_key(request: Request, query: Mapping[str, str], target: Target) -> str | None:
    limit_key = request.header("x-restate-limit-key") or query.get("limit-key") or None
    if limit_key is not None and target.scope is None:
        raise bad_request("a limit key needs a scope: call /restate/scope/<scope>/call/...")
    return limit_key


def _invoke_at_ms(tools: Tools, query: Mapping[str, str]) -> int | None:
    delay = query.get("delay")
    if delay is None:
        return None
    try:
        delay_ms = parse_duration_ms(delay)
    except DurationError as error:
        raise bad_request(f"the delay cannot be used: {error}") from error
    return tools.now_ms() + delay_ms if delay_ms else None
