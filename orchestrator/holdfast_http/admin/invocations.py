"""Invocations: what one is doing, and what operators do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.engine import CancelOutcome, KillOutcome, PauseOutcome
from holdfast_engine.errors import UnknownInvocation, WrongState
from holdfast_engine.pausing import OnDeployment
from holdfast_http.admin.history_view import dated, history_json, reason_json
from holdfast_http.admin.invocation_view import invocation_json
from holdfast_http.admin.journal_view import PREVIEW_CHARS_MAX, WHOLE_CHARS_MAX, journal_json
from holdfast_http.messages import Request, Response, json_response, query_values
from holdfast_http.problems import bad_request
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_deployment_id, decode_invocation_id

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine

# Far more entries than a journal may have; a number beyond is a slip of the pen.
_FROM_MAX = 2**32 - 1
_DONE = "done"


async def show(engine: Engine, request: Request, invocation_id: str) -> Response:
    """Return everything about one invocation, its journal included; values are cut short unless they are wanted."""
    check_id(invocation_id)
    is_whole = query_values(request.query).get("values") == "whole"
    chars_max = WHOLE_CHARS_MAX if is_whole else PREVIEW_CHARS_MAX
    description = await engine.describe(invocation_id)
    reason = await engine.why(description.head, entries=description.entries)
    history = await engine.history(invocation_id)
    content = {
        **invocation_json(description, chars_max=chars_max),
        **reason_json(reason),
        "journal": dated(journal_json(description.entries, chars_max=chars_max), history),
        **history_json(history),
    }
    return json_response(200, content)


async def cancel(engine: Engine, invocation_id: str) -> Response:
    """Ask an invocation to end: 200 when it has ended, 202 when its handler will see the request."""
    check_id(invocation_id)
    outcome = await engine.cancel(invocation_id)
    if outcome is CancelOutcome.ALREADY_COMPLETED:
        raise _ended(invocation_id)
    return _operated(invocation_id, outcome.value, status=202 if outcome is CancelOutcome.APPENDED else 200)


async def kill(engine: Engine, invocation_id: str) -> Response:
    """End an invocation and its calls without asking."""
    check_id(invocation_id)
    outcome = await engine.kill(invocation_id)
    if outcome is KillOutcome.ALREADY_COMPLETED:
        raise _ended(invocation_id)
    return _operated(invocation_id, outcome.value)


async def pause(engine: Engine, invocation_id: str) -> Response:
    """Stop an invocation until it is resumed: 200 when somebody has done so before."""
    check_id(invocation_id)
    outcome = await engine.pause(invocation_id)
    return _operated(invocation_id, outcome.value, status=200 if outcome is PauseOutcome.ALREADY_PAUSED else 202)


async def resume(engine: Engine, request: Request, invocation_id: str) -> Response:
    """Let an invocation go on: on its own deployment, the latest one, or one that the query names."""
    check_id(invocation_id)
    deployment = _deployment(query_values(request.query).get("deployment"))
    await engine.resume(invocation_id, deployment=deployment or OnDeployment.KEEP)
    return _operated(invocation_id, _DONE)


async def restart(engine: Engine, request: Request, invocation_id: str) -> Response:
    """Run an invocation that has ended again as a new one, from its input or from an entry of its journal."""
    check_id(invocation_id)
    query = query_values(request.query)
    from_index, deployment = _index(query.get("from", "0")), _deployment(query.get("deployment"))
    new_id = await engine.restart(invocation_id, from_index=from_index, deployment=deployment)
    return json_response(200, {"new_invocation_id": new_id})


async def purge(engine: Engine, invocation_id: str) -> Response:
    """Forget an invocation that has ended."""
    check_id(invocation_id)
    await engine.purge(invocation_id)
    return _operated(invocation_id, _DONE)


async def purge_journal(engine: Engine, invocation_id: str) -> Response:
    """Forget the journal of an invocation that has ended."""
    check_id(invocation_id)
    await engine.purge_journal(invocation_id)
    return _operated(invocation_id, _DONE)


async def delete(engine: Engine, request: Request, invocation_id: str) -> Response:
    """Operate by the older spelling, whose mode is a query parameter, and which answers before it looks."""
    operations = {"cancel": engine.cancel, "kill": engine.kill, "purge": engine.purge}
    mode = query_values(request.query).get("mode", "cancel").lower()
    if mode not in operations:
        raise bad_request(f"the mode must be one of {', '.join(operations)}, not {mode!r}")
    check_id(invocation_id)
    try:
        await operations[mode](invocation_id)
    except (UnknownInvocation, WrongState):
        # Such an invocation is left as it is, which this spelling has never told.
        pass
    return Response(status=202)


def check_id(invocation_id: str) -> None:
    """Refuse what is no invocation's id.

    Raises:
        HttpProblem: It is none.
    """
    try:
        decode_invocation_id(invocation_id)
    except DecodeError as error:
        raise bad_request(str(error)) from error


def _operated(invocation_id: str, outcome: str, *, status: int = 200) -> Response:
    return json_response(status, {"invocation_id": invocation_id, "outcome": outcome})


def _ended(invocation_id: str) -> WrongState:
    return WrongState(f"{invocation_id} had completed already; nothing changed")


def _deployment(text: str | None) -> str | None:
    if text is not None and text not in tuple(OnDeployment):
        try:
            decode_deployment_id(text)
        except DecodeError as error:
            raise bad_request(f"the deployment must be 'keep', 'latest' or a deployment's id: {error}") from error
    return text


def _index(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > _FROM_MAX:
        raise bad_request(f"'from' is the index of a journal's entry, a whole number, and not {text!r}")
    return int(text)
