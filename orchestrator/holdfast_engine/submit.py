"""Creating invocations: for clients, and for the calls and sends of other invocations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from holdfast_engine.blobs import spilled
from holdfast_engine.effects import SubmitChild
from holdfast_engine.errors import PayloadTooLarge, RequestRejected
from holdfast_engine.held import Held, Key
from holdfast_engine.ids import idempotent_id, random_invocation_id, workflow_run_id
from holdfast_engine.keys import enter
from holdfast_engine.load import journal_of
from holdfast_engine.note_keys import sink_of
from holdfast_engine.notify import complete_sink
from holdfast_engine.operations import following
from holdfast_engine.outcomes import outcome_of_head
from holdfast_engine.records import Caller, Failure, Head, Kind, Outcome, Page, Sink, Status, Target, Trace
from holdfast_engine.registry import HandlerSpec
from holdfast_engine.retention import is_over, retentions, succeed
from holdfast_engine.scopes import scoping_problem
from holdfast_engine.trace import trace_of
from holdfast_engine.world import World
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import FrameTooLargeError
from holdfast_protocol.messages import MessageType, encode

NONCE_BYTES = 12

ALREADY_INVOKED = Outcome(failure=Failure(code=409, message="the workflow was already invoked with this key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A request to invoke a handler. `invoke_at_ms` is the earliest start, None or past for now."""

    target: Target
    headers: tuple[tuple[str, str], ...]
    body: bytes
    idempotency_key: str | None
    invoke_at_ms: int | None
    limit_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The invocation that a submission made or met; `held` when this process has it in hand and must run it."""

    head: Head
    is_new: bool
    held: Held | None


async def submit(world: World, submission: Submission, *, runs_here: bool) -> Created:
    """Create the invocation a client asks for, or meet the one it is a duplicate of.

    Raises:
        RequestRejected: The target does not exist, or is called in a way it does not allow.
    """
    head = await _client_head(world, submission, runs_here=runs_here)
    # A message before an epoch (O-1): whoever dies after the create is found by the watchdog, or by the announcement.
    # That has nothing to do with a key: who takes it up between the create and the entering would enter beside us.
    is_announced = head.status is Status.READY and await world.wakeups.announce(head.id)
    if not is_announced:
        await world.wakeups.watchdog(head.id)
    return await _create(world, head, is_announced=is_announced)


async def relay(world: World, submission: Submission) -> Created:
    """Create an invocation for a message that comes back until this has returned; it is left to a wake-up.

    The message is the watchdog. Met again, the invocation is woken again: the first try may have died before it (O-5).

    Raises:
        RequestRejected: The target does not exist, or is called in a way it does not allow.
    """
    head = await _client_head(world, submission, runs_here=False)
    if head.status is Status.QUEUED:
        # As for a child that is left to a wake-up: whoever enters late and dies must have somebody come to leave.
        await world.wakeups.watchdog(head.id)
    created = await _create(world, head, is_announced=False)
    if not created.is_new and created.head.status is not Status.COMPLETED:
        await world.wakeups.wake(created.head.id, not_before_ms=created.head.invoke_at_ms)
    return created


async def _client_head(world: World, submission: Submission, *, runs_here: bool) -> Head:
    spec = _checked(world, submission)
    invocation_id = invocation_id_for(world, submission.target, spec.kind, submission.idempotency_key)
    return await _new_head(
        world,
        submission,
        spec,
        invocation_id,
        caller=None,
        sinks=(),
        runs_here=runs_here,
        trace=trace_of(submission.headers),
    )


def invocation_id_for(world: World, target: Target, kind: Kind, idempotency_key: str | None) -> str:
    """Return the id: derived where a duplicate has to meet its original, else fresh."""
    if kind is Kind.WORKFLOW:
        return workflow_run_id(target)
    if idempotency_key is not None:
        return idempotent_id(target, idempotency_key)
    return random_invocation_id(target.service, world.clock, world.dice)


async def submit_child(world: World, parent: Head, effect: SubmitChild) -> Held | None:
    """Create what a Call or OneWayCall names; return it when this process must run it.

    Crash and redelivery: the id is derived from the command, so a repetition meets its own child and makes sure
    that somebody runs it (O-5); a child that has ended answers again, which its note's key makes harmless.
    """
    caller = _caller(parent, effect)
    sinks: tuple[Sink, ...] = ()
    if effect.completion_id is not None:
        sinks = (sink_of(parent, effect.completion_id, MessageType.CALL_COMPLETION),)
    submission = _submission(effect)
    spec = world.registry.target(effect.target)
    runs_here = world.has_room
    head = await _new_head(
        world,
        submission,
        spec,
        effect.invocation_id,
        caller=caller,
        sinks=sinks,
        runs_here=runs_here,
        trace=parent.trace,
    )
    # Left to a wake-up it needs no watchdog: the message that brought the parent here comes back until it is sent. One
    # that is to have a key does: if we stand still before entering, somebody else may take up the parent, and the child
    # comes to its end, with all messages for it. Should we enter then, and die, nobody would ever leave (O-1).
    if runs_here or head.status is Status.QUEUED:
        await world.wakeups.watchdog(head.id)
    created = await _create(world, head, is_announced=False)
    if not created.is_new:
        await _meet(world, created.head, caller, sinks)
    return created.held


async def _meet(world: World, child: Head, caller: Caller, sinks: tuple[Sink, ...]) -> None:
    """Do what is left to do for a child that exists."""
    is_mine = child.caller == caller
    if is_mine and child.status is not Status.COMPLETED:
        if child.status is Status.QUEUED:
            # Its creator may have died between the two: it stands in line before the next send to its key (K2).
            await enter(world, child, is_fresh=False)
        await world.wakeups.wake(child.id, not_before_ms=None)
        return
    for sink in sinks:
        if not is_mine and child.kind is Kind.WORKFLOW:
            await complete_sink(world, sink, ALREADY_INVOKED)
            continue
        ended = child if child.status is Status.COMPLETED else await world.store.attach(child.id, sink)
        if ended is not None:
            await complete_sink(world, sink, await outcome_of_head(world, ended))


async def start(world: World, head: Head) -> Held | None:
    """Begin what has just been created or has become due: take it in hand, or leave it with a timer or in a queue."""
    if head.status in (Status.SCHEDULED, Status.READY):
        await world.wakeups.wake(head.id, not_before_ms=head.invoke_at_ms)
        return None
    key: Key | None = None
    if head.kind.holds_key:
        entered = await enter(world, head, is_fresh=True)
        if entered is None:
            return None
        if not entered.at_once or head.attempts == 0:
            await world.wakeups.wake(head.id, not_before_ms=None)
            return None
        key = entered.key
    elif head.kind is Kind.SHARED:
        keyed = await world.store.keyed(head.key_ref, with_state=True)
        key = Key(ticket=None, state=keyed.state)
    journal = await journal_of(world, head, (), ())
    return Held(head=head, journal=journal, key=key, performed=1, last_entry_ms=head.last_entry_ms)


async def _create(world: World, head: Head, *, is_announced: bool) -> Created:
    while (existing := await world.store.create(head)) is not None:
        # What this very command has created before is met again, however little of it is left (O-10).
        is_own = existing.nonce == head.nonce or (head.caller is not None and existing.caller == head.caller)
        if is_own or not is_over(existing, world.clock.now_ms()):
            return Created(head=existing, is_new=False, held=None)
        succeeding = following(head, existing)
        if await succeed(world, succeeding, existing):
            head = succeeding
            break
    return Created(head=head, is_new=True, held=None if is_announced else await start(world, head))


def _checked(world: World, submission: Submission) -> HandlerSpec:
    spec = world.registry.target(submission.target)
    if spec.is_private:
        raise RequestRejected(
            f"{submission.target.service}/{submission.target.handler} is private: call it from a handler"
        )
    if submission.idempotency_key is not None and spec.kind is Kind.WORKFLOW:
        raise RequestRejected("a workflow run takes no idempotency key: its own key is that already")
    if submission.idempotency_key == "":
        raise RequestRejected("the idempotency key is empty: leave the header out or give it a value")
    problem = scoping_problem(submission.target.scope, submission.limit_key)
    if problem is not None:
        raise RequestRejected(problem)
    return spec


async def _new_head(
    world: World,
    submission: Submission,
    spec: HandlerSpec,
    invocation_id: str,
    *,
    caller: Caller | None,
    sinks: tuple[Sink, ...],
    runs_here: bool,
    trace: Trace | None,
) -> Head:
    now = world.clock.now_ms()
    is_scheduled = submission.invoke_at_ms is not None and submission.invoke_at_ms > now
    unkeyed = Status.RUNNING if runs_here else Status.READY
    status = Status.SCHEDULED if is_scheduled else Status.QUEUED if spec.kind.holds_key else unkeyed
    is_running = runs_here and not is_scheduled
    epoch = 1 if is_running else 0
    frames = await spilled(world, invocation_id, (_input_frame(submission),))
    has_identity = spec.kind is Kind.WORKFLOW or submission.idempotency_key is not None
    completion, journal, answer = retentions(spec, has_identity=has_identity, least_ms=world.settings.retention_min_ms)
    chosen = world.registry.latest(submission.target.service)
    return Head(
        id=invocation_id,
        target=submission.target,
        kind=spec.kind,
        status=status,
        epoch=epoch,
        created_ms=now,
        modified_ms=now,
        page=Page(epoch=epoch, base=0, frames=frames),
        nonce=world.dice.entropy(NONCE_BYTES).hex(),
        lease_until_ms=now + world.settings.lease_ms if is_running else 0,
        is_open=is_running,
        caller=caller,
        deployment_id=chosen[0].id if chosen is not None else None,
        protocol_version=chosen[1] if chosen is not None else None,
        last_entry_ms=now,
        sinks=sinks,
        invoke_at_ms=submission.invoke_at_ms if is_scheduled else None,
        idempotency_key=submission.idempotency_key,
        limit_key=submission.limit_key,
        completion_retention_ms=completion,
        answer_retention_ms=answer,
        journal_retention_ms=journal,
        trace=trace,
    )


async def dead_child(world: World, parent: Head, effect: SubmitChild, failure: Failure) -> Head:
    """Return the head of a child that must never run: a late create of it is refused."""
    submission = _submission(effect)
    spec = world.registry.target(effect.target)
    caller = _caller(parent, effect)
    head = await _new_head(
        world, submission, spec, effect.invocation_id, caller=caller, sinks=(), runs_here=False, trace=parent.trace
    )
    return replace(
        head,
        status=Status.COMPLETED,
        epoch=0,
        page=replace(head.page, epoch=0),
        lease_until_ms=0,
        is_open=False,
        outcome=Outcome(failure=failure),
        completed_ms=head.created_ms,
        invoke_at_ms=None,
    )


def _submission(effect: SubmitChild) -> Submission:
    return Submission(
        target=effect.target,
        headers=effect.headers,
        body=effect.parameter,
        idempotency_key=effect.idempotency_key,
        invoke_at_ms=effect.invoke_at_ms,
        limit_key=effect.limit_key,
    )


def _input_frame(submission: Submission) -> bytes:
    headers = [pb.Header(key=name, value=value) for name, value in submission.headers]
    try:
        return encode(pb.InputCommand(headers=headers, value=pb.Value(content=submission.body)))
    except FrameTooLargeError as error:
        # The body may have passed the ingress' own limit, and the headers are stored with it.
        raise PayloadTooLarge(f"the body and its headers are too large together: {error}") from error


def _caller(parent: Head, effect: SubmitChild) -> Caller:
    return Caller(invocation_id=parent.id, completion_id=effect.command_id, first_epoch=parent.first_epoch)
