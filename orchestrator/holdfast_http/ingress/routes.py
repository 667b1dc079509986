"""Which handler function a request of the ingress reaches, for every spelling of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.ingress import awakeables, results
from holdfast_http.ingress.health import health
from holdfast_http.ingress.invoke import call, send
from holdfast_http.ingress.targets import bare_target, spelled_target
from holdfast_http.messages import Request, Response, path_segments
from holdfast_http.problems import HttpProblem, method_not_allowed

if TYPE_CHECKING:
    from holdfast_http.ingress.tools import Tools

_GET, _POST, _ANY = ("GET",), ("POST",), ("GET", "POST")
_SEGMENTS_MIN, _SEGMENTS_MAX = 2, 7


async def route(tools: Tools, request: Request) -> Response:
    """Answer a request.

    Raises:
        HttpProblem: No route has that path or that method.
    """
    segments = path_segments(request.path)
    if not _SEGMENTS_MIN <= len(segments) <= _SEGMENTS_MAX:
        raise _no_such_path(request, 400)
    if segments[0] == "restate":
        return await _own_route(tools, request, segments[1:])
    _require(request, _ANY)
    target, is_send = bare_target(tools.engine.registry, segments)
    return await (send if is_send else call)(tools, request, target)


async def _own_route(tools: Tools, request: Request, segments: tuple[str, ...]) -> Response:
    match segments:
        case ["call" | "send" as verb, *_]:
            return await _spelled(tools, request, verb, segments[1:], scope=None)
        case ["scope", scope, "call" | "send" as verb, *_]:
            return await _spelled(tools, request, verb, segments[3:], scope=scope)
        case ["awakeables" | "a", awakeable_id, "resolve" | "reject" as verb]:
            _require(request, _POST)
            complete = awakeables.resolve if verb == "resolve" else awakeables.reject
            return await complete(tools, request, awakeable_id)
        case ["health"]:
            _require(request, _GET)
            return health(tools)
        case _:
            return await _result_route(tools, request, segments)


async def _spelled(tools: Tools, request: Request, verb: str, rest: tuple[str, ...], *, scope: str | None) -> Response:
    _require(request, _ANY)
    target = spelled_target(tools.engine.registry, rest, scope=scope)
    return await (call if verb == "call" else send)(tools, request, target)


async def _result_route(tools: Tools, request: Request, segments: tuple[str, ...]) -> Response:
    match segments:
        case ["attach" | "output" | "status" | "lookup" as verb]:
            _require(request, _POST)
            return await results.by_body(tools, verb, request)
        case ["attach" | "output" | "status" as verb, invocation_id]:
            _require(request, _GET)
            return await results.by_invocation(tools, verb, invocation_id)
        case ["invocation", invocation_id, "attach" | "output" | "status" as verb]:
            _require(request, _GET)
            return await results.by_invocation(tools, verb, invocation_id)
        case ["invocation", _, *_, _, idempotency_key, "attach" | "output" | "status" as verb]:
            _require(request, _GET)
            return await results.by_idempotent_request(tools, verb, segments[1:-2], idempotency_key)
        case ["workflow", name, key, "attach" | "output" | "status" as verb]:
            _require(request, _GET)
            return await results.by_workflow(tools, verb, name, key)
        case _:
            raise _no_such_path(request, 404)


def _require(request: Request, allowed: tuple[str, ...]) -> None:
    if request.method not in allowed:
        raise method_not_allowed(request.method, request.path, allowed)


def _no_such_path(request: Request, status: int) -> HttpProblem:
    message = (
        f"{request.path} is no path of the ingress: call a handler with POST /<service>/<handler>"
        " or POST /<object>/<key>/<handler>; GET /restate/health lists the services"
    )
    return HttpProblem(status, message)
