"""What becomes of an invocation after an attempt: every terminator in every situation, counted as it should be."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast_engine.decide import DELAY_MS_MAX, BackOff, Finish, GoOn, Pause, Suspend, Verdict, decide
from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.reading import Done, Failed, Suspended, read_answer
from holdfast_engine.records import Awaiting, Failure, Outcome
from holdfast_engine.registry import Registry
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_protocol import schema_pb2 as pb
from tests.properties.engine import strategies as own
from tests.properties.engine.test_journal_properties import journal_of
from tests.properties.protocol.strategies import raw_frames
from tests.support import wire_frames as f
from tests.support.engine_world import deployment, services

POLICY = RetryPolicy()


def decided(terminator: Any, entries: list[bytes], **changes: Any) -> Verdict:
    arguments: dict[str, Any] = {
        "head": own.head(),
        "journal": journal_of(entries),
        "policy": POLICY,
        "sent": 1,
        "has_new_command": False,
        "now_ms": own.NOW_MS,
        "jitter": 0.0,
        "text_max": 100,
    }
    return decide(terminator, **{**arguments, **changes})


@given(own.trees(), own.entries(), st.integers(0, 30))
def test_a_suspension_goes_on_or_rests(tree: Awaiting, entries: list[bytes], sent: int) -> None:
    """An attempt that suspends goes on at once if what it awaits is there, and else rests with what it awaits."""
    verdict = decided(Suspended(awaiting=tree), entries, sent=sent)
    if journal_of(entries).has_resolved(tree, now_ms=own.NOW_MS, signals_from=sent):
        assert verdict == GoOn()
    else:
        assert verdict == Suspend(awaiting=tree)


@given(own.entries(), own.contents)
def test_an_end_takes_the_last_output(entries: list[bytes], content: bytes) -> None:
    """The outcome is the last output, and its place is where it stands."""
    verdict = decided(Done(), [*entries, f.output(content), f.run(9)])
    assert verdict == Finish(outcome=Outcome(value=content), index=1 + len(entries))


@given(own.entries())
def test_an_end_without_output_is_a_failed_attempt(entries: list[bytes]) -> None:
    """A handler that ends with nothing said has a bug, and gets another attempt."""
    assume(all(entry[:2] != b"\x04\x01" for entry in entries))
    assert isinstance(decided(Done(), entries), BackOff)


failed_attempts = st.builds(
    lambda code, message, is_counted, is_final, delay, retry_after, behavior: Failed(
        failure=AttemptFailure(
            code=code,
            message=message,
            rt_code="RT0007",
            is_counted=is_counted,
            is_final=is_final,
            retry_after_ms=retry_after,
        ),
        delay_ms=delay,
        behavior=behavior,
    ),
    st.integers(400, 599),
    st.text(max_size=150),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    st.sampled_from([pb.Error.RETRY, pb.Error.PAUSE, pb.Error.FAIL]),
)
policies = st.builds(
    RetryPolicy, max_attempts=st.one_of(st.none(), st.integers(0, 6)), on_max_attempts=st.sampled_from(OnMaxAttempts)
)


@given(failed_attempts, policies, st.integers(0, 8), st.integers(0, 8), st.booleans())
def test_a_failure_is_decided_case_by_case(
    failed: Failed, policy: RetryPolicy, before: int, retries: int, has_new_command: bool
) -> None:
    """What the SDK says goes first, then the policy; the two counters count what is theirs."""
    head = own.head(failed_attempts=before, command_retries=retries)
    verdict = decided(failed, [], head=head, policy=policy, has_new_command=has_new_command)
    counted = (0 if has_new_command else retries) + int(failed.failure.is_counted)
    message = failed.failure.message[:100]
    ended = Outcome(failure=Failure(code=failed.failure.code, message=message))
    has_none_left = policy.max_attempts is not None and before + 1 >= max(1, policy.max_attempts)
    is_used_up = has_none_left or failed.failure.is_final
    if failed.behavior == pb.Error.FAIL:
        assert verdict == Finish(outcome=ended, index=None)
    elif failed.behavior == pb.Error.PAUSE:
        assert isinstance(verdict, Pause)
        assert verdict.command_retries == counted
    elif failed.delay_ms is not None:
        assert isinstance(verdict, BackOff)
        assert verdict.retry_at_ms == own.NOW_MS + min(failed.delay_ms, DELAY_MS_MAX)
        assert (verdict.failed_attempts, verdict.command_retries) == (before, counted)
    elif is_used_up and policy.on_max_attempts is OnMaxAttempts.KILL:
        assert verdict == Finish(outcome=ended, index=None)
    elif is_used_up:
        assert isinstance(verdict, Pause)
        assert verdict.command_retries == counted
    else:
        assert isinstance(verdict, BackOff)
        assert (verdict.failed_attempts, verdict.command_retries) == (before + 1, counted)
        own_delay = policy.delay_ms(before + 1, jitter=0)
        retry_after = failed.failure.retry_after_ms
        delay = own_delay if retry_after is None else min(retry_after, DELAY_MS_MAX)
        assert verdict.retry_at_ms == own.NOW_MS + (delay or 0)


@given(failed_attempts)
def test_what_is_kept_of_a_failure_is_bounded(failed: Failed) -> None:
    """A last failure is never longer than the bound, whatever the SDK wrote."""
    verdict = decided(failed, [], text_max=10)
    if isinstance(verdict, BackOff | Pause):
        assert len(verdict.failure.message) <= 10
        assert len(verdict.failure.stacktrace) <= 10
        assert verdict.failure.at_ms == own.NOW_MS


@given(st.integers(0, 5))
def test_a_handover_is_no_attempt(before: int) -> None:
    """An attempt that another process is to make uses up nothing."""
    failure = AttemptFailure(code=503, message="no time", rt_code="RT0010", is_counted=False, is_handover=True)
    head = own.head(failed_attempts=before, command_retries=before)
    verdict = decided(Failed(failure=failure), [], head=head, policy=RetryPolicy(max_attempts=1))
    assert isinstance(verdict, BackOff)
    assert (verdict.failed_attempts, verdict.command_retries) == (before, before)
    assert verdict.retry_at_ms == own.NOW_MS


REGISTRY = Registry([deployment(services())])
# What a handler of a plain service may answer before it ends.
good = st.one_of(
    st.builds(f.run, own.completion_ids),
    st.builds(f.proposal, own.completion_ids, own.contents),
    st.builds(f.sleep, own.completion_ids, own.times_ms),
    st.builds(f.output, own.contents),
)


@given(st.lists(good, max_size=8), st.lists(raw_frames(), max_size=4), st.booleans())
def test_any_answer_can_be_read(frames: list[bytes], garbage: list[bytes], has_checkpoint: bool) -> None:
    """Whatever bytes a handler answers: good frames in front are kept, one for one, and something ends the attempt."""
    answer = Answer(frames=[*frames, *garbage])
    reading = read_answer(answer, head=own.head(), registry=REGISTRY, room=None, has_checkpoint=has_checkpoint)
    assert len(reading.entries) >= len(frames)
    for frame, entry in zip(frames, reading.entries, strict=False):
        is_proposal = frame[:2] == b"\x00\x05"
        assert entry[:2] == b"\x80\x11" if is_proposal else entry == frame
    assert isinstance(reading.terminator, Suspended | Done | Failed)


@given(st.lists(good, max_size=6), st.sampled_from([f.END, f.suspension(1), f.error()]), st.lists(good, max_size=3))
def test_nothing_behind_the_terminator_counts(frames: list[bytes], terminator: bytes, behind: list[bytes]) -> None:
    """The first terminator ends the answer."""
    with_rest = Answer(frames=[*frames, terminator, *behind])
    without = Answer(frames=[*frames, terminator])
    read = [
        read_answer(each, head=own.head(), registry=REGISTRY, room=None, has_checkpoint=False)
        for each in (with_rest, without)
    ]
    assert read[0] == read[1]


@given(st.lists(good, max_size=6), st.integers(0, 6))
def test_a_cut_answer_is_a_prefix(frames: list[bytes], at: int) -> None:
    """Of an answer that broke off, what had come is what would have been taken of the whole one."""
    whole = read_answer(
        Answer(frames=[*frames, f.END]), head=own.head(), registry=REGISTRY, room=None, has_checkpoint=False
    )
    cut = read_answer(Answer(frames=frames[:at]), head=own.head(), registry=REGISTRY, room=None, has_checkpoint=False)
    assert whole.entries[: len(cut.entries)] == cut.entries
    assert isinstance(cut.terminator, Failed)
    assert not cut.terminator.is_complete_answer
