"""What follows from an attempt's answer: commit, perform, and on to the next attempt or to rest."""

from __future__ import annotations

from dataclasses import replace

from holdfast_engine.admission import stand_in_line
from holdfast_engine.answering import answer_in_order
from holdfast_engine.blobs import spilled, stored_bytes
from holdfast_engine.decide import BackOff, Finish, GoOn, Pause, Suspend, Verdict, decide
from holdfast_engine.held import Held, append_pending, outgrows_head, room_of, spec_of
from holdfast_engine.keys import leave
from holdfast_engine.load import add_notes, journal_of
from holdfast_engine.notify import deliver, settled
from holdfast_engine.pages import slot_in_head
from holdfast_engine.perform import apply_state, perform
from holdfast_engine.ports import Answer, Change, Fenced
from holdfast_engine.reading import Done, Failed, Reading, Suspended, admit, read_answer
from holdfast_engine.records import Awaiting, Failure, LastFailure, Outcome, Status
from holdfast_engine.retention import retire
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_engine.runs import Run
from holdfast_engine.signals import is_cancel
from holdfast_engine.state import fold
from holdfast_engine.world import World


async def settle(world: World, held: Held, answer: Answer, *, has_checkpoint: bool, run: Run) -> bool | None:
    """Commit an answer and perform what follows; None to send the next attempt, True at rest, False fenced."""
    if has_checkpoint and not await _catch_up(world, held, answer):
        return False
    journal, head = held.journal, held.head
    if held.refusal is not None:
        # Whatever a handler answers that was stopped at a checkpoint: this is why.
        reading = Reading(entries=(), terminator=held.refusal)
    else:
        reading = read_answer(
            answer, head=head, registry=world.registry, room=room_of(world, held), has_checkpoint=has_checkpoint
        )
    for entry in reading.entries[_stored_beyond(held, answer) :]:
        journal.add(entry)
    if not isinstance(reading.terminator, Failed) and not await answer_in_order(world, held, run):
        return False
    spec = spec_of(world, head)
    verdict = decide(
        reading.terminator,
        head=head,
        journal=journal,
        policy=spec.retry if spec is not None else RetryPolicy(),
        sent=held.began,
        has_new_command=journal.commands > held.commands_before,
        now_ms=world.clock.now_ms(),
        jitter=world.dice.jitter(),
        text_max=world.settings.failure_text_max,
    )
    verdict = _bounded(world, held, verdict, is_direct=answer.is_direct)
    is_whole = isinstance(reading.terminator, Done | Suspended) or (
        isinstance(reading.terminator, Failed) and reading.terminator.is_complete_answer
    )
    match verdict:
        case GoOn():
            # It has suspended and is resumed, though nobody had to write that down.
            held.head = replace(held.head, failed_attempts=0, command_retries=0)
            return None if await append_pending(world, held) else False
        case Suspend(awaiting=awaiting):
            return await _suspend(world, held, awaiting, run)
        case Finish(outcome=outcome, index=index):
            return await _finish(world, held, outcome, index, is_open=not is_whole, run=run)
        case BackOff():
            return await _back_off(world, held, verdict, is_open=not is_whole, run=run)
        case Pause():
            return await _pause(world, held, verdict, is_open=not is_whole, run=run)


async def note_death(world: World, held: Held, run: Run) -> bool | None:
    """Take note that the attempt before never answered; None to go on, True at rest, False fenced.

    A handler that takes its process down each time would do so for ever, if that used up no attempts (P1).
    """
    spec = spec_of(world, held.head)
    policy = spec.retry if spec is not None else RetryPolicy()
    if policy.delay_ms(held.head.failed_attempts, jitter=0) is not None:
        return None
    message = "the attempt ended without an answer, and with it the process it ran in or was waited for in"
    failure = LastFailure(code=500, message=message, rt_code="RT0010", at_ms=world.clock.now_ms())
    if policy.on_max_attempts is OnMaxAttempts.KILL:
        outcome = Outcome(failure=Failure(code=failure.code, message=failure.message))
        return await _finish(world, held, outcome, None, is_open=True, run=run)
    pause = Pause(command_retries=held.head.command_retries, failure=failure)
    return await _pause(world, held, pause, is_open=True, run=run)


async def _catch_up(world: World, held: Held, answer: Answer) -> bool:
    """Read what the handler has put behind the journal by itself; False when the epoch is over.

    Notes stay out: they go behind the attempt's own frames (O-9). A handler that gave no answer may still be writing,
    so what is read then is a prefix; nothing is appended to it under this epoch.
    """
    if not answer.is_direct or (answer.is_certain and answer.slot == held.journal.slot):
        return True
    loaded = await world.store.load(held.head.id, epoch=held.head.epoch)
    if loaded is None or isinstance(loaded, Fenced):
        return False
    journal = await journal_of(world, loaded.head, loaded.pages, ())
    if answer.slot is not None and journal.durable == held.journal.durable:
        # Nothing was appended after all: what the attempt was sent still goes in front of what it answered.
        return True
    held.journal, held.room = journal, None
    # What the engine would have refused at a checkpoint of its own cannot be taken back here, but it is said.
    _, held.refusal = admit(journal.entries[held.began :], head=held.head, registry=world.registry, room=None)
    return True


def _stored_beyond(held: Held, answer: Answer) -> int:
    """Return how many frames of the answer are stored already: an append whose answer the handler never got.

    What the attempt was sent is no part of its answer, though a first append has taken it along.
    """
    if answer.slot is None:
        return 0
    known = max(answer.slot.base + answer.slot.count, held.began)
    return max(0, held.journal.durable - known)


async def _suspend(world: World, held: Held, awaiting: Awaiting, run: Run) -> bool | None:
    if not await _commit(world, held, Status.SUSPENDED, awaiting=awaiting):
        return False
    await perform(world, held, run)
    await apply_state(world, held)
    # The second look: a note that came before the status was stored saw nobody to wake.
    await add_notes(world, held.head, held.journal, await world.store.notes(held.head.id))
    now = world.clock.now_ms()
    if not held.journal.has_resolved(awaiting, now_ms=now, signals_from=held.began):
        due = held.journal.next_due_ms(after_ms=now)
        if due is not None:
            await world.wakeups.wake(held.head.id, not_before_ms=due)
        world.lacking.note(held.head, awaiting, held.journal)
        if not world.settings.is_alone:
            world.in_hand.rest(held)
        return True
    return await _again(world, held, now)


async def _again(world: World, held: Held, now_ms: int) -> bool | None:
    """Take the invocation up again that this process has just suspended; False when somebody else did.

    The other one may die with it, so the message goes back even so (O-3).
    """
    head = held.head
    acquired = await world.store.acquire(
        head.id,
        epoch=head.epoch,
        status=Status.SUSPENDED,
        now_ms=now_ms,
        lease_until_ms=now_ms + world.settings.lease_ms,
        deployment_id=head.deployment_id,
        protocol_version=head.protocol_version,
        ticket=head.ticket,
        failed_attempts=0,
        command_retries=head.command_retries,
    )
    if acquired is None:
        return False
    held.head = acquired.head
    return None


async def step_back(world: World, held: Held) -> bool:
    """Leave an invocation ready and in line for a permit, with what its retries have come to; False when fenced."""
    head = held.head
    is_ready = await _commit(
        world,
        held,
        Status.READY,
        failed_attempts=head.failed_attempts,
        command_retries=head.command_retries,
        last_failure=head.last_failure,
    )
    if is_ready:
        await stand_in_line(world, held.head)
    return is_ready


async def _finish(world: World, held: Held, outcome: Outcome, index: int | None, *, is_open: bool, run: Run) -> bool:
    kept = outcome if index is None else None
    if not await _commit(world, held, Status.COMPLETED, outcome=kept, outcome_index=index, is_open=is_open):
        return False
    await perform(world, held, run)
    if held.head.kind.holds_key:
        assert held.key is not None
        writes = fold(held.journal.entries[held.key.applied + 1 :])
        await leave(world, held.head, ticket=held.key.ticket, writes=writes)
    # Behind the state: whoever gets the outcome and asks a shared handler finds what was written.
    await deliver(world, held.head, outcome)
    await retire(world, held.head, held.journal)
    await settled(world, held.head)
    return True


async def _back_off(world: World, held: Held, verdict: BackOff, *, is_open: bool, run: Run) -> bool:
    committed = await _commit(
        world,
        held,
        Status.BACKING_OFF,
        retry_at_ms=verdict.retry_at_ms,
        failed_attempts=verdict.failed_attempts,
        command_retries=verdict.command_retries,
        last_failure=verdict.failure,
        is_open=is_open,
    )
    if not committed:
        return False
    await perform(world, held, run)
    await apply_state(world, held)
    await world.wakeups.wake(held.head.id, not_before_ms=verdict.retry_at_ms)
    return True


async def _pause(world: World, held: Held, verdict: Pause, *, is_open: bool, run: Run) -> bool:
    committed = await _commit(
        world,
        held,
        Status.PAUSED,
        command_retries=verdict.command_retries,
        last_failure=verdict.failure,
        is_open=is_open,
    )
    if not committed:
        return False
    await perform(world, held, run)
    await apply_state(world, held)
    if any(is_cancel(note) for note in await world.store.notes(held.head.id) if note.key not in held.journal.taken):
        # Asked to stop while it ran: who asked saw nothing to resume, so this does.
        await world.store.resume(held.head.id, now_ms=world.clock.now_ms(), deployment_id=None)
        await world.wakeups.wake(held.head.id, not_before_ms=None)
    return True


async def _commit(
    world: World,
    held: Held,
    status: Status,
    *,
    awaiting: Awaiting | None = None,
    retry_at_ms: int | None = None,
    failed_attempts: int = 0,
    command_retries: int = 0,
    last_failure: LastFailure | None = None,
    outcome: Outcome | None = None,
    outcome_index: int | None = None,
    is_open: bool = False,
) -> bool:
    """Store what is pending and the status; False when fenced. Frames ride along when page 0 is the open slot."""
    journal, head = held.journal, held.head
    rides_along = journal.slot.page == 0 and stored_bytes(world, journal.pending) <= world.settings.append_bytes_max
    if status is not Status.COMPLETED and outgrows_head(world, journal):
        # The end is the last write to the head; before it, what rides along is paid for again with every other.
        rides_along = False
    if not rides_along and not await append_pending(world, held):
        return False
    pending = journal.pending
    now = world.clock.now_ms()
    change = Change(
        status=status,
        modified_ms=now,
        is_open=is_open,
        done=held.performed,
        ticket=held.key.ticket if held.key is not None else None,
        awaiting=awaiting,
        retry_at_ms=retry_at_ms,
        failed_attempts=failed_attempts,
        command_retries=command_retries,
        last_entry_ms=now if pending else held.last_entry_ms,
        last_failure=last_failure,
        outcome=outcome,
        outcome_index=outcome_index,
        frames=await spilled(world, head.id, pending),
        taken=journal.pending_taken,
        slot=journal.slot,
    )
    committed = await world.store.commit(head.id, epoch=head.epoch, change=change)
    if isinstance(committed, Fenced):
        return False
    if pending:
        journal.stored(slot_in_head(committed), journal.durable + len(pending))
    held.head, held.last_entry_ms = committed, committed.last_entry_ms
    return True


def _bounded(world: World, held: Held, verdict: Verdict, *, is_direct: bool) -> Verdict:
    """Park an invocation that has outgrown a bound: a handler that loops for ever ends here (P1).

    State is refused before it is in the journal, unless the handler has put it there by itself.
    """
    most, length = world.settings.journal_entries_max, len(held.journal)
    room = room_of(world, held) if is_direct else None
    excess = room.excess if room is not None else None
    if excess is not None:
        failure = LastFailure(code=413, message=excess, rt_code="RT0019", at_ms=world.clock.now_ms())
        return Pause(command_retries=0, failure=failure)
    if length <= most or isinstance(verdict, Finish):
        return verdict
    message = f"the journal has {length} entries, the limit is {most}: split the work into several invocations"
    failure = LastFailure(code=500, message=message, rt_code="HF-0430", at_ms=world.clock.now_ms())
    return Pause(command_retries=0, failure=failure)
