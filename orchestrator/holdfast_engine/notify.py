"""Giving an invocation a notification, and the outcome of one to all who want it."""

from __future__ import annotations

from functools import partial

from holdfast_engine.blobs import spilled
from holdfast_engine.handing_over import hand_over
from holdfast_engine.journal import is_success, leaf_of
from holdfast_engine.load import journal_of
from holdfast_engine.note_keys import completion_key
from holdfast_engine.ports import Fenced
from holdfast_engine.records import Awaiting, Head, Note, Outcome, Sink, Status
from holdfast_engine.retention import drop_late_note
from holdfast_engine.trees import Leaf, group_around, mentions, resolves_alone
from holdfast_engine.wire import outcome_completion
from holdfast_engine.world import Ended, World

# How far the clocks of two processes may differ; on AWS it is milliseconds.
_SKEW_MS_MAX = 5_000


async def notify(world: World, invocation_id: str, note: Note) -> Head | None:
    """Write a note, then look at the head, and wake whoever may now go on; return the head.

    The order is the half of the two-sided check that belongs to the notifier: a runner that suspends meanwhile either
    reads this note after it has stored its status, or stored its status before this reads the head.
    A note that is there already does not spare the look: its first writer may have died before it woke anybody (O-5).
    """
    (frame,) = await spilled(world, invocation_id, (note.frame,))
    await world.store.note(invocation_id, Note(key=note.key, frame=frame))
    leaf = leaf_of(note.frame)
    if leaf[0] == "c":
        world.lacking.arrived(invocation_id, int(leaf[1]))
    head = await world.store.head(invocation_id)
    if head is None or head.status is Status.COMPLETED:
        await drop_late_note(world, invocation_id, head)
    elif head.status is Status.READY:
        await world.wakeups.wake(invocation_id, not_before_ms=None)
    elif head.status is Status.SUSPENDED:
        await _wake_if_it_may_go_on(world, head, leaf, is_success=is_success(note.frame))
    elif head.status is Status.RUNNING and head.lease_until_ms <= world.clock.now_ms():
        # Who had it is dead, and its message may be gone (see `handing_over`).
        await world.wakeups.wake(invocation_id, not_before_ms=None)
    return head


async def _wake_if_it_may_go_on(world: World, head: Head, leaf: Leaf, *, is_success: bool) -> None:
    """Wake a suspended invocation if it has what it waits for, now that a notification has come.

    Mostly the head alone tells: it waits for just this, or not for this at all; or something else is known to be
    missing. Otherwise its journal and notes do; of several notes that are written at once the last one's writer sees
    them all. A wake-up each would be a message and a look as well, and whoever handles it performs what the invocation
    has committed and nobody there knows to be done: a parent that has called a thousand would offer to create them
    again with each one that ends. Who has just written a note here shares the look that begins after it.
    """
    assert head.awaiting is not None, f"{head.id} is suspended and awaits nothing"
    if resolves_alone(head.awaiting, leaf, is_success=is_success):
        await world.wakeups.wake(head.id, not_before_ms=None)
    elif mentions(head.awaiting, leaf) and not await _is_another_missing(world, head, head.awaiting, leaf):
        await world.looks.do(head.id, partial(_look, world, head.id))


async def _is_another_missing(world: World, head: Head, awaiting: Awaiting, leaf: Leaf) -> bool:
    """Return whether something is known to be missing that must come too: then its note's writer is the one to look.

    This note is written and the other one not yet, so the other's writer will find this one: whichever of a group comes
    last, its writer finds none missing. One that came before the invocation was suspended is found as well, by its note
    or because it was in the journal by then. A first writer that died before it looked is repeated, and looks then.
    """
    group = group_around(awaiting, leaf)
    while (other := world.lacking.first_of(head, group)) is not None:
        if not await world.store.has_note(head.id, completion_key(other, first_epoch=head.first_epoch)):
            return True
        world.lacking.arrived(head.id, other)
    return False


async def _look(world: World, invocation_id: str) -> None:
    """Wake an invocation if it is suspended no more, or has all that it waits for."""
    loaded = await world.store.load(invocation_id, epoch=None)
    if loaded is None or isinstance(loaded, Fenced):
        return
    head = loaded.head
    if head.status is Status.SUSPENDED and head.awaiting is not None:
        journal = await journal_of(world, head, loaded.pages, loaded.notes)
        world.lacking.note(head, head.awaiting, journal)
        now = world.clock.now_ms()
        if not journal.has_resolved(head.awaiting, now_ms=now, signals_from=journal.durable):
            # Whoever suspended it armed no timer for a sleep that was over by its clock, and by ours it may not be yet.
            due = journal.next_due_ms(after_ms=now)
            if due is not None and due - now <= _SKEW_MS_MAX:
                await world.wakeups.wake(invocation_id, not_before_ms=due)
            return
    elif head.status is not Status.READY:
        # Somebody took it up meanwhile, and reads the notes before it rests again.
        return
    await world.wakeups.wake(invocation_id, not_before_ms=None)


async def notify_if_alive(world: World, invocation_id: str, note: Note) -> bool:
    """Notify an invocation that may not exist or may have ended: then nothing is written; return whether it was."""
    head = await world.store.head(invocation_id)
    if head is None or head.status is Status.COMPLETED:
        return False
    await notify(world, invocation_id, note)
    return True


async def complete_sink(world: World, sink: Sink, outcome: Outcome) -> None:
    """Give one waiting invocation the completion of its command."""
    await notify(world, sink.invocation_id, _note_of(sink, outcome))


def _note_of(sink: Sink, outcome: Outcome) -> Note:
    frame = outcome_completion(sink.completion_type, sink.completion_id, outcome)
    return Note(key=completion_key(sink.completion_id, first_epoch=sink.first_epoch), frame=frame)


async def settled(world: World, head: Head) -> None:
    """Note that all that follows from a completed invocation has been done."""
    world.performed.settle(head)
    await world.wakeups.settled(head.id)


async def deliver(world: World, head: Head, outcome: Outcome) -> None:
    """Give the outcome of a completed invocation to everyone who wants it: the head as of its completion knows all."""
    assert head.completed_ms is not None
    world.waiters.tell(head.id, Ended(outcome=outcome, completed_ms=head.completed_ms))
    for sink in head.sinks:
        note = _note_of(sink, outcome)
        if not await hand_over(world, sink.invocation_id, note):
            await notify(world, sink.invocation_id, note)


async def deliver_again(world: World, head: Head, outcome: Outcome) -> None:
    """Deliver what has mostly been delivered: the first time may have been cut short, and so may the wake-ups (O-5).

    Who wanted it has it then, and has often ended since: a look tells, and costs less than a note that nobody reads.
    """
    assert head.completed_ms is not None
    world.waiters.tell(head.id, Ended(outcome=outcome, completed_ms=head.completed_ms))
    for sink in head.sinks:
        await notify_if_alive(world, sink.invocation_id, _note_of(sink, outcome))
