"""Killing, which is not cooperative: an invocation ends at once, and with it the calls it waits for."""

from __future__ import annotations

from enum import StrEnum

from holdfast_engine.admission import let_go
from holdfast_engine.commands.call import RULE as CALL
from holdfast_engine.commands.rule import Performing
from holdfast_engine.effects import SubmitChild
from holdfast_engine.errors import RequestRejected
from holdfast_engine.existing import existing
from holdfast_engine.held import Held
from holdfast_engine.journal import Journal
from holdfast_engine.keys import leave
from holdfast_engine.load import journal_of_stored
from holdfast_engine.notify import deliver, settled
from holdfast_engine.perform import perform_for_others
from holdfast_engine.records import Failure, Head, Outcome, Status
from holdfast_engine.retention import retire
from holdfast_engine.runs import Run
from holdfast_engine.state import NO_WRITES, fold
from holdfast_engine.submit import dead_child
from holdfast_engine.world import World
from holdfast_protocol.messages import MessageType, decode

KILLED = Failure(code=409, message="killed")


class KillOutcome(StrEnum):
    """What came of a request to kill."""

    DONE = "done"
    ALREADY_COMPLETED = "already-completed"


async def kill(world: World, invocation_id: str, run: Run) -> KillOutcome:
    """End an invocation and the calls it waits for, at once and without compensation; one-way sends survive.

    Raises:
        UnknownInvocation: There is none of that id.
    """
    head = await existing(world, invocation_id)
    if head.status is Status.COMPLETED:
        return KillOutcome.ALREADY_COMPLETED
    await world.wakeups.watchdog(invocation_id)
    killed = await world.store.kill(invocation_id, failure=KILLED, now_ms=world.clock.now_ms())
    if killed is None:
        return KillOutcome.ALREADY_COMPLETED
    await bury(world, killed, run)
    return KillOutcome.DONE


async def bury(world: World, head: Head, run: Run) -> None:
    """Do all that follows from a kill; again, when the message of a killed invocation comes back."""
    journal = await _fenced_journal(world, head)
    if journal is not None:
        await _kill_children(world, journal, head, run)
        held = Held(head=head, journal=journal, key=None, performed=head.done, last_entry_ms=head.last_entry_ms)
        await perform_for_others(world, held, run)
    if head.kind.holds_key:
        await _leave(world, head, journal)
    # Behind the state that it had written.
    await deliver(world, head, Outcome(failure=KILLED))
    await let_go(world, head)
    await retire(world, head, journal)
    await settled(world, head)


async def _kill_children(world: World, journal: Journal, head: Head, run: Run) -> None:
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
            found = await world.store.create(await dead_child(world, head, effect, KILLED))
            if found is not None and found.status is not Status.COMPLETED:
                await kill(world, found.id, run)


async def _leave(world: World, head: Head, journal: Journal | None) -> None:
    """Give the key back; what it had written before it was killed is committed, and stays."""
    keyed = await world.store.keyed(head.key_ref, with_state=False)
    ticket = head.ticket if head.ticket is not None else await _ticket_at_once(world, head, keyed.lock.serving)
    writes = NO_WRITES
    if journal is not None and keyed.lock.holder == head.id and keyed.lock.serving == ticket:
        writes = fold(journal.entries[max(keyed.lock.applied + 1, head.copied) :])
    await leave(world, head, ticket=ticket, writes=writes)


async def _ticket_at_once(world: World, head: Head, serving: int) -> int | None:
    """Return the ticket by which it holds the key if it got it at once, which no head says before the first commit.

    Who queued has a wait item, and its head has said its ticket since it was acquired. So a wait item here is one of a
    second ticket, drawn by a message that came twice: others have written since.
    """
    waits = await world.store.waits(head.key_ref, from_ticket=serving, limit=1)
    return serving if (serving, head.id) not in waits else None


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
