"""Running an invocation: attempt after attempt under one epoch or the next, until it suspends, fails or ends.

load, decide, commit, perform (design section 5). What is not stored yet is not performed; what is stored and not
performed is performed by whoever comes next.
"""

from __future__ import annotations

import logging

from holdfast_engine.answering import answer_open
from holdfast_engine.blobs import spilled
from holdfast_engine.checkpoint import EngineCheckpoint
from holdfast_engine.decide import (
    BackOff,
    Done,
    Failed,
    Finish,
    GoOn,
    Pause,
    Suspend,
    Suspended,
    Verdict,
    decide,
    read_answer,
)
from holdfast_engine.errors import RequestRejected
from holdfast_engine.held import Held, append_pending, spec_of
from holdfast_engine.journal import Journal
from holdfast_engine.keys import leave
from holdfast_engine.notify import deliver
from holdfast_engine.pages import slot_after
from holdfast_engine.perform import apply_state, perform
from holdfast_engine.ports import Answer, AttemptFailure, Change, Fenced
from holdfast_engine.records import Awaiting, LastFailure, Outcome, Status
from holdfast_engine.registry import DEFAULT_ABORT_TIMEOUT_MS, Deployment
from holdfast_engine.requests import attempt_request
from holdfast_engine.retry import RetryPolicy
from holdfast_engine.state import fold
from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast")


async def run(world: World, held: Held) -> bool:
    """Run attempts until the invocation lets go; False when it was fenced: the message goes back (O-3)."""
    world.live[held.head.id] = held
    try:
        while True:
            going = await _one(world, held)
            if going is not None:
                return going
    finally:
        if world.live.get(held.head.id) is held:
            del world.live[held.head.id]


def start_run(world: World, held: Held) -> None:
    """Run an invocation in a task of this process; if it cannot be brought to an end here, a message takes over."""
    world.tasks.spawn(_run_to_rest(world, held))


async def _run_to_rest(world: World, held: Held) -> None:
    try:
        is_at_rest = await run(world, held)
    except Exception:  # noqa: BLE001 - whatever it is, the message must not be lost with the task.
        _LOG.exception("running %s failed; it is taken up again when its lease ends", held.head.id)
        await world.wakeups.wake(held.head.id, not_before_ms=held.head.lease_until_ms)
        return
    if not is_at_rest:
        retry_at = world.clock.now_ms() + world.settings.put_back_ms
        await world.wakeups.wake(held.head.id, not_before_ms=retry_at)


async def _one(world: World, held: Held) -> bool | None:
    """Send one attempt and settle its answer; None to go on, True at rest, False fenced."""
    journal, head = held.journal, held.head
    try:
        await perform(world, held, start_run)
        journal.add_due_sleeps(world.clock.now_ms())
        await answer_open(world, held)
    except RequestRejected as error:
        # The service of a committed call is no longer registered: the caller waits for it, in the open.
        failure = AttemptFailure(code=error.http_status, message=str(error), rt_code="RT0018", is_counted=False)
        return await _settle(world, held, Answer(frames=(), failure=failure), has_checkpoint=False)
    held.began, held.commands_before = len(journal), journal.commands
    chosen = world.registry.deployment_for(head, has_progress=len(journal) > 1)
    if chosen is None:
        return await _settle(world, held, Answer(frames=(), failure=_no_deployment(held)), has_checkpoint=False)
    deployment, version = chosen
    has_checkpoint = world.invoker.takes_checkpoints(deployment)
    answer = await _invoke(world, held, deployment, version, has_checkpoint=has_checkpoint)
    return await _settle(world, held, answer, has_checkpoint=has_checkpoint)


async def _invoke(world: World, held: Held, deployment: Deployment, version: int, *, has_checkpoint: bool) -> Answer:
    spec = spec_of(world, held.head)
    request = attempt_request(world, held, spec, version)
    if not has_checkpoint:
        # The closures run out of sight, so all they build on must be durable before the request leaves.
        await world.store.flushed()
    return await world.invoker.invoke(
        deployment,
        request,
        checkpoint=EngineCheckpoint(world, held, start_run) if has_checkpoint else None,
        timeout_ms=spec.abort_timeout_ms if spec is not None else DEFAULT_ABORT_TIMEOUT_MS,
    )


async def _settle(world: World, held: Held, answer: Answer, *, has_checkpoint: bool) -> bool | None:
    journal, head = held.journal, held.head
    reading = read_answer(answer, head=head, registry=world.registry, has_checkpoint=has_checkpoint)
    for entry in reading.entries:
        journal.add(entry)
    if not isinstance(reading.terminator, Failed):
        await answer_open(world, held)
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
    verdict = _bounded(world, journal, verdict)
    is_whole = isinstance(reading.terminator, Done | Suspended) or (
        isinstance(reading.terminator, Failed) and reading.terminator.is_complete_answer
    )
    match verdict:
        case GoOn():
            return None if await append_pending(world, held) else False
        case Suspend(awaiting=awaiting):
            return await _suspend(world, held, awaiting)
        case Finish(outcome=outcome, index=index):
            return await _finish(world, held, outcome, index, is_open=not is_whole)
        case BackOff():
            return await _back_off(world, held, verdict, is_open=not is_whole)
        case Pause():
            return await _pause(world, held, verdict, is_open=not is_whole)


async def _suspend(world: World, held: Held, awaiting: Awaiting) -> bool | None:
    if not await _commit(world, held, Status.SUSPENDED, awaiting=awaiting):
        return False
    await perform(world, held, start_run)
    await apply_state(world, held)
    # The second look: a note that came before the status was stored saw nobody to wake.
    for note in await world.store.notes(held.head.id):
        held.journal.add_note(note)
    now = world.clock.now_ms()
    if not held.journal.has_resolved(awaiting, now_ms=now, signals_from=held.began):
        due = held.journal.next_due_ms()
        if due is not None:
            await world.wakeups.wake(held.head.id, not_before_ms=due)
        return True
    return await _again(world, held, now)


async def _again(world: World, held: Held, now_ms: int) -> bool | None:
    """Take the invocation up again that this process has just suspended; True when somebody else did."""
    head = held.head
    acquired = await world.store.acquire(
        head.id,
        epoch=head.epoch,
        status=Status.SUSPENDED,
        now_ms=now_ms,
        lease_until_ms=now_ms + world.settings.lease_ms,
        deployment_id=head.deployment_id,
        protocol_version=head.protocol_version,
        failed_attempts=0,
        command_retries=head.command_retries,
    )
    if acquired is None:
        return True
    held.head = acquired.head
    return None


async def _finish(world: World, held: Held, outcome: Outcome, index: int | None, *, is_open: bool) -> bool:
    kept = outcome if index is None else None
    if not await _commit(world, held, Status.COMPLETED, outcome=kept, outcome_index=index, is_open=is_open):
        return False
    await perform(world, held, start_run)
    await deliver(world, held.head, outcome)
    if held.head.kind.holds_key:
        assert held.key is not None
        writes = fold(held.journal.entries[held.key.applied + 1 :])
        await leave(world, held.head, ticket=held.key.ticket, writes=writes)
    await world.wakeups.settled(held.head.id)
    return True


async def _back_off(world: World, held: Held, verdict: BackOff, *, is_open: bool) -> bool:
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
    await perform(world, held, start_run)
    await apply_state(world, held)
    await world.wakeups.wake(held.head.id, not_before_ms=verdict.retry_at_ms)
    return True


async def _pause(world: World, held: Held, verdict: Pause, *, is_open: bool) -> bool:
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
    await perform(world, held, start_run)
    await apply_state(world, held)
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
    if journal.slot.page != 0 and not await append_pending(world, held):
        return False
    pending = journal.pending
    change = Change(
        status=status,
        modified_ms=world.clock.now_ms(),
        is_open=is_open,
        done=held.performed,
        ticket=held.key.ticket if held.key is not None else None,
        awaiting=awaiting,
        retry_at_ms=retry_at_ms,
        failed_attempts=failed_attempts,
        command_retries=command_retries,
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
        journal.stored(slot_after(committed.page, number=0), journal.durable + len(pending))
    held.head = committed
    return True


def _bounded(world: World, journal: Journal, verdict: Verdict) -> Verdict:
    """Park an invocation whose journal has outgrown its bound: a handler that loops for ever ends here (P1)."""
    most = world.settings.journal_entries_max
    if len(journal) <= most or isinstance(verdict, Finish):
        return verdict
    message = f"the journal has {len(journal)} entries, the limit is {most}: split the work into several invocations"
    failure = LastFailure(code=500, message=message, rt_code="HF-0430", at_ms=world.clock.now_ms())
    return Pause(command_retries=0, failure=failure)


def _no_deployment(held: Held) -> AttemptFailure:
    head = held.head
    pinned = head.deployment_id if len(held.journal) > 1 else None
    which = (
        f"deployment {pinned}, to which it is pinned," if pinned else f"a deployment with service {head.target.service}"
    )
    message = f"{which} is not registered: register it, or resume the invocation on another deployment"
    return AttemptFailure(code=500, message=message, rt_code="RT0011", is_counted=False)
