"""One operation on many invocations: what came of each, so that one that is refused does not hold up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from holdfast_engine.engine import CancelOutcome, KillOutcome
from holdfast_engine.errors import OrchestratorError
from holdfast_engine.pausing import OnDeployment
from holdfast_http.admin.invocations import check_id
from holdfast_http.json_body import JsonBody, require_json_type
from holdfast_http.messages import Request, Response, json_response
from holdfast_http.problems import HttpProblem, bad_request

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine

# As many as the official tools send at a time.
INVOCATIONS_MAX = 1000
# Each takes a few writes, one after the other: enough at a time to be quick, and few enough to be no burst.
_AT_A_TIME = 16

# What an operation answers for an invocation; None where all there is to say is its id.
_Operation = Callable[[str], Awaitable[object]]


class _Refused(Exception):
    """An operation changed nothing; the message says why."""


async def operate(engine: Engine, request: Request, verb: str) -> Response:
    """Do the same to all invocations that the body names; return who succeeded and why the others did not."""
    require_json_type(request)
    body = JsonBody(request)
    operation = _operation(engine, verb, body)
    ids = body.text_list("invocation_ids")
    if len(ids) > INVOCATIONS_MAX:
        raise bad_request(f"{len(ids)} invocations are more than the {INVOCATIONS_MAX} that a request may name")
    for each in ids:
        check_id(each)
    room = asyncio.Semaphore(_AT_A_TIME)
    results = await asyncio.gather(*(_one(operation, each, room) for each in ids))
    failed = [
        {"invocation_id": each, "error": str(result)}
        for each, result in zip(ids, results, strict=True)
        if isinstance(result, Exception)
    ]
    return json_response(
        200, {"succeeded": [result for result in results if not isinstance(result, Exception)], "failed": failed}
    )


async def _one(operation: _Operation, invocation_id: str, room: asyncio.Semaphore) -> object:
    async with room:
        try:
            return await operation(invocation_id) or invocation_id
        except (OrchestratorError, _Refused) as error:
            return error


def _operation(engine: Engine, verb: str, body: JsonBody) -> _Operation:
    deployment = body.optional_text("deployment")

    async def cancel(invocation_id: str) -> None:
        _check(await engine.cancel(invocation_id))

    async def kill(invocation_id: str) -> None:
        _check(await engine.kill(invocation_id))

    async def pause(invocation_id: str) -> None:
        await engine.pause_at_once(invocation_id)

    async def resume(invocation_id: str) -> None:
        await engine.resume(invocation_id, deployment=deployment or OnDeployment.KEEP)

    async def restart(invocation_id: str) -> dict[str, str]:
        new_id = await engine.restart(invocation_id, from_index=0, deployment=deployment)
        return {"old_invocation_id": invocation_id, "new_invocation_id": new_id}

    operations: dict[str, _Operation] = {
        "cancel": cancel,
        "kill": kill,
        "pause": pause,
        "resume": resume,
        "restart-as-new": restart,
        "purge": engine.purge,
        "purge-journal": engine.purge_journal,
    }
    if verb not in operations:
        raise HttpProblem(404, f"there is no batch operation {verb!r}; there are {', '.join(operations)}")
    return operations[verb]


def _check(outcome: CancelOutcome | KillOutcome) -> None:
    if outcome in (CancelOutcome.ALREADY_COMPLETED, KillOutcome.ALREADY_COMPLETED):
        raise _Refused("it had completed already; nothing changed")
