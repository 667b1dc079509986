"""Invocations that were submitted before, however they are named: attach, output, status and lookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from holdfast_engine.errors import UnknownTarget
from holdfast_engine.records import Kind, Status, Target
from holdfast_http.ingress.answers import error_response, failure_json, outcome_response
from holdfast_http.ingress.targets import spelled_target
from holdfast_http.json_body import JsonBody
from holdfast_http.messages import Request, Response, json_response
from holdfast_http.problems import bad_request
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_invocation_id

if TYPE_CHECKING:
    from holdfast_http.ingress.tools import Tools
    from holdfast_protocol.manifest import OutputSpec

Verb = Literal["attach", "output", "status", "lookup"]

# What is neither of these has begun.
_STAGE_BY_STATUS = {
    Status.SCHEDULED: "created",
    Status.QUEUED: "created",
    Status.READY: "created",
    Status.COMPLETED: "completed",
}


async def by_invocation(tools: Tools, verb: Verb, invocation_id: str) -> Response:
    """Answer for an invocation named by its id."""
    try:
        decode_invocation_id(invocation_id)
    except DecodeError as error:
        raise bad_request(str(error)) from error
    return await _answer(tools, verb, invocation_id, None)


async def by_workflow(tools: Tools, verb: Verb, name: str, key: str, scope: str | None = None) -> Response:
    """Answer for the run of a workflow key."""
    service = tools.engine.registry.service(name)
    run = service and next((each for each in service.handlers.values() if each.kind is Kind.WORKFLOW), None)
    if not run:
        raise UnknownTarget(f"there is no workflow {name!r}; GET /restate/health lists what is registered")
    target = Target(service=name, key=key, handler=run.name, scope=scope)
    return await _answer(tools, verb, tools.engine.invocation_id_of(target, idempotency_key=None), target)


async def by_idempotent_request(
    tools: Tools, verb: Verb, segments: tuple[str, ...], idempotency_key: str, scope: str | None = None
) -> Response:
    """Answer for the invocation that a request with an idempotency key made; `segments` name its target."""
    target = spelled_target(tools.engine.registry, segments, scope=scope)
    invocation_id = tools.engine.invocation_id_of(target, idempotency_key=idempotency_key)
    return await _answer(tools, verb, invocation_id, target)


async def by_body(tools: Tools, verb: Verb, request: Request) -> Response:
    """Answer for the invocation that the JSON body names."""
    body = JsonBody(request)
    match body.text("target"):
        case "invocation":
            return await by_invocation(tools, verb, body.text("invocationId"))
        case "workflow":
            name, key, scope = body.text("workflowName"), body.text("workflowKey"), body.optional_text("scope")
            return await by_workflow(tools, verb, name, key, scope)
        case "idempotentInvocation":
            parts = (body.text("service"), body.optional_text("key"), body.text("handler"))
            segments = tuple(part for part in parts if part is not None)
            key, scope = body.text("idempotencyKey"), body.optional_text("scope")
            return await by_idempotent_request(tools, verb, segments, key, scope)
        case _:
            raise bad_request("the field 'target' must be 'invocation', 'workflow' or 'idempotentInvocation'")


async def _answer(tools: Tools, verb: Verb, invocation_id: str, target: Target | None) -> Response:
    if verb == "lookup":
        # The id follows from the name; whether there is an invocation of that id is what `output` answers.
        return json_response(200, {"invocationId": invocation_id})
    if verb == "status":
        return await _stage(tools, invocation_id)
    if verb == "attach":
        finished = await tools.waiting_room.wait(tools.engine.result(invocation_id, wait=True))
        assert finished is not None, "a result that is waited for is there"
    else:
        finished = await tools.engine.result(invocation_id, wait=False)
    if finished is None:
        message = f"{invocation_id} has not completed yet; ask again later, or wait at /restate/attach/{invocation_id}"
        return error_response(470, message, (("x-restate-id", invocation_id),))
    return outcome_response(finished, await _output_spec(tools, invocation_id, target))


async def _stage(tools: Tools, invocation_id: str) -> Response:
    head = await tools.engine.head(invocation_id)
    content: dict[str, object] = {"stage": _STAGE_BY_STATUS.get(head.status, "started")}
    if head.status is Status.COMPLETED:
        finished = await tools.engine.result(invocation_id, wait=False)
        if finished is not None and finished.outcome.failure is not None:
            content["error"] = failure_json(finished.outcome.failure)
    return json_response(200, content, (("x-restate-id", invocation_id),))


async def _output_spec(tools: Tools, invocation_id: str, target: Target | None) -> OutputSpec | None:
    if target is None:
        target = (await tools.engine.head(invocation_id)).target
    service = tools.engine.registry.service(target.service)
    # The handler may be gone since; then the rules for a handler that declares nothing apply.
    handler = service.handlers.get(target.handler) if service else None
    return handler.output if handler else None
