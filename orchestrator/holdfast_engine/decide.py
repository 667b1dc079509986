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
  else the handler's retry policy decides, and where trying again cannot help it does so as when its attempts are used
  up. Two counters are kept. `failed_attempts` is the policy's: it starts anew
  whenever the invocation resumes from suspension, and a delay the SDK chose itself does not use it up.
  `command_retries` is what the SDK's run retries are decided by: failures since the last new command, counted only
  when user code was reached.

Nothing here reads a clock or rolls dice: both come in as arguments, so that every decision can be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast_engine.journal import Journal
from holdfast_engine.reading import Done, Failed, Suspended, Terminator, refused
from holdfast_engine.records import Awaiting, Failure, Head, LastFailure, Outcome
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_protocol import schema_pb2 as pb

# A year. The wire allows for half a billion of them, which no store can add to the present.
DELAY_MS_MAX = 365 * 24 * 60 * 60 * 1000


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
            failed = refused("the handler ended without an Output command", "RT0012")
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
    chosen = None if chosen is None else min(chosen, DELAY_MS_MAX)
    if failed.delay_ms is not None:
        # The handler's own schedule for a step; the policy's budget stays as it is.
        attempts, delay = head.failed_attempts, chosen or 0
    elif failed.failure.is_handover:
        attempts, delay = head.failed_attempts, chosen or 0
    else:
        attempts = head.failed_attempts + 1
        own = None if failed.failure.is_final else policy.delay_ms(attempts, jitter=jitter)
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
