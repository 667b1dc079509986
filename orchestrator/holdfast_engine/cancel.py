"""Cancelling, which is cooperative: what has done nothing yet ends at once, all else gets a signal."""

from __future__ import annotations

from enum import StrEnum

from holdfast_engine.existing import existing
from holdfast_engine.notify import deliver, notify, settled
from holdfast_engine.records import Failure, Head, Outcome, Status
from holdfast_engine.retention import retire
from holdfast_engine.signals import cancel_note
from holdfast_engine.world import World

CANCELED = Failure(code=409, message="canceled")

_PAUSED_OR_WAITING = frozenset({Status.PAUSED, Status.BACKING_OFF})
# What is ready may have run before; whether it has done anything is told by its journal.
_UNSTARTED = frozenset({Status.SCHEDULED, Status.QUEUED, Status.READY})
_TOKEN_BYTES = 12


class CancelOutcome(StrEnum):
    """What came of a request to cancel."""

    DONE = "done"
    APPENDED = "appended"
    ALREADY_COMPLETED = "already-completed"


def cancel_token(world: World) -> str:
    """Return the mark of a request to cancel that comes from outside: each one is a signal of its own."""
    return world.dice.entropy(_TOKEN_BYTES).hex()


async def cancel(world: World, invocation_id: str, *, token: str) -> CancelOutcome:
    """Ask an invocation to stop; one that has done nothing yet ends at once.

    Args:
        world: The world.
        invocation_id: Whom to ask.
        token: The sender's mark; the same one twice is one signal.

    Raises:
        UnknownInvocation: There is none of that id.
    """
    head = await existing(world, invocation_id)
    if head.status is Status.COMPLETED:
        return CancelOutcome.ALREADY_COMPLETED
    await world.wakeups.watchdog(invocation_id)
    if head.status in _UNSTARTED and not await _holds_key(world, head):
        ended = await world.store.cancel_unstarted(invocation_id, failure=CANCELED, now_ms=world.clock.now_ms())
        if ended is not None:
            await deliver(world, ended, Outcome(failure=CANCELED))
            await retire(world, ended, None)
            await settled(world, ended)
            return CancelOutcome.DONE
    # Looked at behind the note: whoever pauses before this is resumed here, whoever pauses later has seen the note.
    latest = await notify(world, invocation_id, cancel_note(sender=token))
    if latest is not None and latest.status in _PAUSED_OR_WAITING:
        await world.store.resume(invocation_id, now_ms=world.clock.now_ms(), deployment_id=None)
        await world.wakeups.wake(invocation_id, not_before_ms=None)
    return CancelOutcome.APPENDED


async def _holds_key(world: World, head: Head) -> bool:
    if not head.kind.holds_key or head.status is Status.SCHEDULED:
        return False
    return (await world.store.keyed(head.key_ref, with_state=False)).lock.holder == head.id
