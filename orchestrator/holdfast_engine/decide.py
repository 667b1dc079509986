"""What an attempt's answer amounts to: pure, from data to data.

An attempt answers with frames and a terminator. The frames are taken strictly in order: a command is checked and
becomes an entry; a proposal becomes the Run notification at its very place, because the next frame may already build
on it; everything else has no business there. A command that may not stand where it does fails the attempt, and the
frames before it are kept: they are a valid prefix, as a connection that broke at that point would have left.

The terminator then says how it ends:

* *Suspension* with something awaited that is in the journal by now (a run's own result, an answer known at once, a
  sleep that is over): go on at once, under the same epoch. Otherwise the invocation is suspended with its await tree.
* *End* with an Output in the journal: completed. Without one it is a bug of the SDK and counts as a failed attempt.
* *Error*, or no complete answer at all: a failed attempt. The SDK may ask for a pause, a final failure or a delay;
  else the handler's retry policy decides. Two counters are kept. `failed_attempts` is the policy's: it starts anew
  whenever the invocation resumes from suspension, and a delay the SDK chose itself does not use it up.
  `command_retries` is what the SDK's run retries are decided by: failures since the last new command, counted only
  when user code was reached.

Nothing here reads a clock or rolls dice: both come in as arguments, so that every decision can be replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast_engine.commands import RULES, CommandRefused
from holdfast_engine.commands.rule import anywhere
from holdfast_engine.journal import Journal, type_of
from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.records import Awaiting, Failure, Head, LastFailure, Outcome
from holdfast_engine.registry import Registry
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_engine.wire import awaiting_from_suspension
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.messages import MessageType, decode, encode_notification, is_command

# A year. The wire allows for half a billion of them, which no store can add to the present.
DELAY_MS_MAX = 365 * 24 * 60 * 60 * 1000

# What a handler with a checkpoint may complete by itself: its steps, and sleeps whose time has come.
_OWN_COMPLETIONS = frozenset({int(MessageType.RUN_COMPLETION), int(MessageType.SLEEP_COMPLETION)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The attempt can go no further until something of this arrives."""

    awaiting: Awaiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The handler has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed; the fields besides `failure` are what the SDK said about it."""

    failure: AttemptFailure
    command_index: int | None = None
    command_name: str = ""
    command_type: int | None = None
    delay_ms: int | None = None
    behavior: int = pb.Error.RETRY
    is_complete_answer: bool = False


Terminator = Suspended | Done | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An answer in the journal's form, and how it ended."""

    entries: tuple[bytes, ...]
    terminator: Terminator


def read_answer(answer: Answer, *, head: Head, registry: Registry, has_checkpoint: bool) -> Reading:
    """Turn the frames of an answer into entries and a terminator."""
    entries: list[bytes] = []
    for frame in answer.frames:
        try:
            terminator = _read_frame(frame, entries, head, registry, has_checkpoint)
        except CommandRefused as error:
            return Reading(entries=tuple(entries), terminator=_refused(str(error), error.rt_code))
        except (DecodeError, ValueError) as error:
            return Reading(entries=tuple(entries), terminator=_refused(f"the handler answered: {error}", "RT0012"))
        if terminator is not None:
            return Reading(entries=tuple(entries), terminator=terminator)
    failure = answer.failure or AttemptFailure(
        code=500, message="the answer ends without End, Suspension or Error: unexpected end of stream", rt_code="RT0012"
    )
    return Reading(entries=tuple(entries), terminator=Failed(failure=failure))


def admit(frames: Sequence[bytes], *, head: Head, registry: Registry) -> tuple[list[bytes], AttemptFailure | None]:
    """Return the frames of a checkpoint that may become entries, and why the next one may not.

    What an answer may not hold must not get into the journal by the other way either: there it could not be taken back,
    and every later attempt would stumble over it.
    """
    entries: list[bytes] = []
    for frame in frames:
        kind = type_of(frame)
        rule = RULES.get(kind)
        try:
            if rule is not None and rule.check is not anywhere:
                rule.check(decode(frame), head, registry)
        except CommandRefused as error:
            return entries, _refused(str(error), error.rt_code).failure
        except DecodeError as error:
            return entries, _refused(f"the handler stored: {error}", "RT0012").failure
        if rule is None and kind not in _OWN_COMPLETIONS:
            return entries, _refused(f"the handler stored a frame of type 0x{kind:04X}", "RT0012").failure
        entries.append(frame)
    return entries, None


def _read_frame(
    frame: bytes, entries: list[bytes], head: Head, registry: Registry, has_checkpoint: bool
) -> Terminator | None:
    kind = type_of(frame)
    rule = RULES.get(kind)
    if rule is not None:
        rule.check(decode(frame), head, registry)
        entries.append(frame)
        return None
    if kind == MessageType.PROPOSE_RUN_COMPLETION:
        entries.append(_run_notification(frame))
        return None
    if has_checkpoint and kind in _OWN_COMPLETIONS:
        entries.append(frame)
        return None
    if kind == MessageType.AWAITING_ON:
        return None
    if kind == MessageType.END:
        return Done()
    if kind == MessageType.SUSPENSION:
        suspension = decode(frame)
        assert isinstance(suspension, pb.Suspension)
        return Suspended(awaiting=awaiting_from_suspension(suspension))
    if kind == MessageType.ERROR:
        return _failed(frame)
    name = MessageType(kind).name if kind in MessageType.__members__.values() else f"type 0x{kind:04X}"
    raise DecodeError(f"a frame of {name}, which a handler may not send")


def _run_notification(frame: bytes) -> bytes:
    proposal = decode(frame)
    assert isinstance(proposal, pb.ProposeRunCompletion)
    completion = pb.Notification(completion_id=proposal.result_completion_id)
    if proposal.WhichOneof("result") == "failure":
        completion.failure.CopyFrom(proposal.failure)
    else:
        completion.value.CopyFrom(pb.Value(content=proposal.value))
    return encode_notification(MessageType.RUN_COMPLETION, completion)


def _failed(frame: bytes) -> Failed:
    error = decode(frame)
    assert isinstance(error, pb.Error)
    rt_code = {570: "RT0016", 571: "RT0012"}.get(error.code, "RT0007")
    failure = AttemptFailure(code=error.code, message=error.message, rt_code=rt_code, stacktrace=error.stacktrace)
    return Failed(
        failure=failure,
        command_index=error.related_command_index if error.HasField("related_command_index") else None,
        command_name=error.related_command_name,
        command_type=error.related_command_type if error.HasField("related_command_type") else None,
        delay_ms=error.next_retry_delay if error.HasField("next_retry_delay") else None,
        behavior=error.behavior,
        is_complete_answer=True,
    )


def _refused(message: str, rt_code: str) -> Failed:
    failure = AttemptFailure(code=500, message=message, rt_code=rt_code)
    return Failed(failure=failure, is_complete_answer=True)


# What follows from a terminator, given the journal.


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """What was awaited is there: send the next attempt at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """Store what is awaited and let go."""

    awaiting: Awaiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """End with an outcome; `index` is its entry, None when it is not in the journal."""

    outcome: Outcome
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Try again not before a time."""

    retry_at_ms: int
    failed_attempts: int
    command_retries: int
    failure: LastFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Stop until somebody resumes it."""

    command_retries: int
    failure: LastFailure


Verdict = GoOn | Suspend | Finish | BackOff | Pause


def decide(
    terminator: Terminator,
    *,
    head: Head,
    journal: Journal,
    policy: RetryPolicy,
    sent: int,
    has_new_command: bool,
    now_ms: int,
    jitter: float,
    text_max: int,
) -> Verdict:
    """Return what becomes of the invocation; `sent` is how many entries the attempt was given."""
    match terminator:
        case Suspended(awaiting=awaiting):
            is_ready = journal.has_resolved(awaiting, now_ms=now_ms, signals_from=sent)
            return GoOn() if is_ready else Suspend(awaiting=awaiting)
        case Done():
            outcome = journal.outcome()
            if outcome is not None:
                return Finish(outcome=outcome, index=journal.output_index)
            failed = _refused("the handler ended without an Output command", "RT0012")
        case Failed():
            failed = terminator
    return _decide_failure(
        failed,
        head=head,
        policy=policy,
        has_new_command=has_new_command,
        now_ms=now_ms,
        jitter=jitter,
        text_max=text_max,
    )


def _decide_failure(
    failed: Failed,
    *,
    head: Head,
    policy: RetryPolicy,
    has_new_command: bool,
    now_ms: int,
    jitter: float,
    text_max: int,
) -> Verdict:
    failure = last_failure(failed, now_ms=now_ms, text_max=text_max)
    retries = (0 if has_new_command else head.command_retries) + (1 if failed.failure.is_counted else 0)
    if failed.behavior == pb.Error.FAIL:
        return Finish(outcome=_terminal(failure), index=None)
    if failed.behavior == pb.Error.PAUSE:
        return Pause(command_retries=retries, failure=failure)
    chosen = failed.delay_ms if failed.delay_ms is not None else failed.failure.retry_after_ms
    if failed.delay_ms is not None:
        # The handler's own schedule for a step; the policy's budget stays as it is.
        attempts, delay = head.failed_attempts, min(failed.delay_ms, DELAY_MS_MAX)
    elif failed.failure.is_handover:
        attempts, delay = head.failed_attempts, chosen or 0
    else:
        attempts = head.failed_attempts + 1
        own = policy.delay_ms(attempts, jitter=jitter)
        if own is None:
            if policy.on_max_attempts is OnMaxAttempts.KILL:
                return Finish(outcome=_terminal(failure), index=None)
            return Pause(command_retries=retries, failure=failure)
        delay = own if chosen is None else chosen
    return BackOff(retry_at_ms=now_ms + delay, failed_attempts=attempts, command_retries=retries, failure=failure)


def last_failure(failed: Failed, *, now_ms: int, text_max: int) -> LastFailure:
    """Return a failure as people will read it, cut to a bound."""
    return LastFailure(
        code=failed.failure.code,
        message=failed.failure.message[:text_max],
        stacktrace=failed.failure.stacktrace[-text_max:],
        rt_code=failed.failure.rt_code,
        command_index=failed.command_index,
        command_name=failed.command_name[:text_max],
        command_type=failed.command_type,
        at_ms=now_ms,
    )


def _terminal(failure: LastFailure) -> Outcome:
    return Outcome(failure=Failure(code=failure.code, message=failure.message))


def has_command(entries: Sequence[bytes]) -> bool:
    """Return whether there is a command among the entries."""
    return any(is_command(type_of(entry)) for entry in entries)
