"""Invocations: what one is doing, and ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.engine import CancelOutcome
from holdfast_http.admin.invocation_view import invocation_json
from holdfast_http.admin.journal_view import journal_json
from holdfast_http.messages import Request, Response, json_response, query_values
from holdfast_http.problems import bad_request
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_invocation_id

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine


async def show(engine: Engine, invocation_id: str) -> Response:
    """Return everything about one invocation, its journal included."""
    _check_id(invocation_id)
    description = await engine.describe(invocation_id)
    content = {**invocation_json(description), "journal": journal_json(description.entries)}
    return json_response(200, content)


async def cancel(engine: Engine, invocation_id: str) -> Response:
    """Ask an invocation to end: 200 when it has ended, 202 when its handler will see the request."""
    _check_id(invocation_id)
    outcome = await engine.cancel(invocation_id)
    status = 202 if outcome is CancelOutcome.APPENDED else 200
    return json_response(status, {"invocation_id": invocation_id, "outcome": outcome.value})


async def kill(engine: Engine, invocation_id: str) -> Response:
    """End an invocation and its calls without asking."""
    _check_id(invocation_id)
    outcome = await engine.kill(invocation_id)
    return json_response(200, {"invocation_id": invocation_id, "outcome": outcome.value})


async def delete(engine: Engine, request: Request, invocation_id: str) -> Response:
    """End an invocation by the older spelling, in which the mode is a query parameter."""
    mode = query_values(request.query).get("mode", "cancel").lower()
    if mode not in ("cancel", "kill"):
        raise bad_request(f"the mode must be cancel or kill, not {mode!r}")
    await (cancel if mode == "cancel" else kill)(engine, invocation_id)
    return Response(status=202)


def _check_id(invocation_id: str) -> None:
    try:
        decode_invocation_id(invocation_id)
    except DecodeError as error:
        raise bad_request(str(error)) from error
