"""Cancelling, which is cooperative, and killing, which is not."""

from __future__ import annotations

from enum import StrEnum

from holdfast_engine.commands.call import RULE as CALL
from holdfast_engine.commands.rule import Performing
from holdfast_engine.effects import SubmitChild
from holdfast_engine.errors import RequestRejected, UnknownInvocation
from holdfast_engine.journal import Journal
from holdfast_engine.keys import leave
from holdfast_engine.load import journal_of_stored
from holdfast_engine.notify import deliver, notify
from holdfast_engine.records import Failure, Head, Outcome, Status
from holdfast_engine.retention import retire
from holdfast_engine.signals import cancel_note
from holdfast_engine.state import NO_WRITES, fold
from holdfast_engine.submit import dead_child
from holdfast_engine.world import World
from holdfast_protocol.messages import MessageType, decode

CANCELED = Failure(code=409, message="canceled")
KILLED = Failure(code=409, message="killed")

_PAUSED_OR_WAITING = frozenset({Status.PAUSED, Status.BACKING_OFF})
_UNSTARTED = frozenset({Status.SCHEDULED, Status.QUEUED})
_TOKEN_BYTES = 12


class CancelOutcome(StrEnum):
    """What came of a request to cancel."""

    DONE = "done"
    APPENDED = "appended"
    ALREADY_COMPLETED = "already-completed"


class KillOutcome(StrEnum):
    """What came of a request to kill."""

    DONE = "done"
    ALREADY_COMPLETED = "already-completed"


async def cancel(world: World, invocation_id: str) -> CancelOutcome:
    """Ask an invocation to stop; one that has done nothing yet ends at once.

    Raises:
        UnknownInvocation: There is none of that id.
    """
    head = await _existing(world, invocation_id)
    if head.status is Status.COMPLETED:
        return CancelOutcome.ALREADY_COMPLETED
    await world.wakeups.watchdog(invocation_id)
    if head.status in _UNSTARTED and not await _holds_key(world, head):
        ended = await world.store.cancel_unstarted(invocation_id, failure=CANCELED, now_ms=world.clock.now_ms())
        if ended is not None:
            await deliver(world, ended, Outcome(failure=CANCELED))
            await retire(world, ended, None)
            await world.wakeups.settled(invocation_id)
            return CancelOutcome.DONE
    await notify(world, invocation_id, cancel_note(sender=world.dice.entropy(_TOKEN_BYTES).hex()))
    if head.status in _PAUSED_OR_WAITING:
        await world.store.resume(invocation_id, now_ms=world.clock.now_ms(), deployment_id=None)
        await world.wakeups.wake(invocation_id, not_before_ms=None)
    return CancelOutcome.APPENDED


async def kill(world: World, invocation_id: str) -> KillOutcome:
    """End an invocation and the calls it waits for, at once and without compensation; one-way sends survive.

    Raises:
        UnknownInvocation: There is none of that id.
    """
    head = await _existing(world, invocation_id)
    if head.status is Status.COMPLETED:
        return KillOutcome.ALREADY_COMPLETED
    await world.wakeups.watchdog(invocation_id)
    killed = await world.store.kill(invocation_id, failure=KILLED, now_ms=world.clock.now_ms())
    if killed is None:
        return KillOutcome.ALREADY_COMPLETED
    journal = await _fenced_journal(world, killed)
    if journal is not None:
        await kill_children(world, journal, killed)
    await deliver(world, killed, Outcome(failure=KILLED))
    if killed.kind.holds_key:
        await _leave_killed(world, killed, journal)
    await retire(world, killed, journal)
    await world.wakeups.settled(invocation_id)
    return KillOutcome.DONE


async def kill_children(world: World, journal: Journal, head: Head) -> None:
    """Kill every call that a killed invocation made; one that is not created yet is created dead (C1)."""
    context = Performing(head=head, journal=journal, registry=world.registry)
    assert CALL.effect is not None
    for index, kind, frame in journal.commands_between(0, len(journal)):
        if kind != MessageType.CALL:
            continue
        try:
            effect = CALL.effect(decode(frame), index, context)
        except RequestRejected:
            # Its service is gone from the registry, so nobody can have created it and nobody will.
            continue
        if isinstance(effect, SubmitChild):
            existing = await world.store.create(await dead_child(world, head, effect, KILLED))
            if existing is not None and existing.status is not Status.COMPLETED:
                await kill(world, existing.id)


async def _leave_killed(world: World, head: Head, journal: Journal | None) -> None:
    keyed = await world.store.keyed(head.key_ref, with_state=False)
    if keyed.lock.holder != head.id:
        return
    # What it had written before it was killed is committed, and stays.
    writes = fold(journal.entries[keyed.lock.applied + 1 :]) if journal is not None else NO_WRITES
    await leave(world, head, ticket=keyed.lock.serving, writes=writes)


async def _fenced_journal(world: World, head: Head) -> Journal | None:
    """Return the journal with its open page claimed, so that it is all there will ever be."""
    journal = await journal_of_stored(world, head.id)
    for _ in range(world.settings.fence_rounds_max):
        if journal is None or journal.slot.page == 0:
            return journal
        slot = journal.slot
        claimed = await world.store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=head.epoch)
        journal = await journal_of_stored(world, head.id)
        if claimed is not None:
            return journal
    return journal


async def _holds_key(world: World, head: Head) -> bool:
    if not head.kind.holds_key or head.status is Status.SCHEDULED:
        return False
    return (await world.store.keyed(head.key_ref, with_state=False)).lock.holder == head.id


async def _existing(world: World, invocation_id: str) -> Head:
    head = await world.store.head(invocation_id)
    if head is None:
        raise UnknownInvocation(f"there is no invocation {invocation_id}")
    return head
