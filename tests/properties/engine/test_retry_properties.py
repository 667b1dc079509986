"""The retry policy: Restate's numbers, and what holds for any others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine.retry import JITTER, OnMaxAttempts, RetryPolicy

policies = st.builds(
    RetryPolicy,
    initial_interval_ms=st.integers(0, 10**7),
    factor=st.floats(1, 1e30),
    max_interval_ms=st.integers(0, 10**9),
    max_attempts=st.one_of(st.none(), st.integers(0, 200)),
    on_max_attempts=st.sampled_from(OnMaxAttempts),
)
jitters = st.floats(0, 1, exclude_max=True)


def test_the_defaults_are_restates() -> None:
    """Half a second, doubled up to a minute, seventy attempts with the first, then paused."""
    policy = RetryPolicy()
    delays = [policy.delay_ms(failed, jitter=0) for failed in range(1, 71)]
    assert delays[:9] == [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    assert delays[68] == 60000
    assert delays[69] is None
    assert policy.on_max_attempts is OnMaxAttempts.PAUSE


@pytest.mark.parametrize(("most", "delays"), [(0, 0), (1, 0), (2, 1), (5, 4)])
def test_attempts_include_the_first(most: int, delays: int) -> None:
    """N attempts have N-1 pauses between them; none is taken for one."""
    policy = RetryPolicy(max_attempts=most)
    given_ = [policy.delay_ms(failed, jitter=0) for failed in range(1, 10)]
    assert sum(delay is not None for delay in given_) == delays


@given(policies, st.integers(1, 10**6), jitters)
def test_a_pause_is_bounded(policy: RetryPolicy, failed: int, jitter: float) -> None:
    """No pause is negative or longer than the longest one with its jitter, however many attempts have failed."""
    delay = policy.delay_ms(failed, jitter=jitter)
    if delay is not None:
        assert 0 <= delay <= round(policy.max_interval_ms * (1 + JITTER))
        assert delay >= round(min(policy.max_interval_ms, policy.initial_interval_ms))


@given(policies, st.integers(1, 300), jitters)
def test_pauses_do_not_shrink(policy: RetryPolicy, failed: int, jitter: float) -> None:
    """With the same dice each pause is at least as long as the one before."""
    before, after = policy.delay_ms(failed, jitter=jitter), policy.delay_ms(failed + 1, jitter=jitter)
    if after is not None:
        assert before is not None
        assert before <= after


@given(policies, st.integers(1, 300), jitters, jitters)
def test_the_dice_do_not_decide_whether_there_is_another_attempt(
    policy: RetryPolicy, failed: int, one: float, other: float
) -> None:
    """Attempts end by their number alone."""
    assert (policy.delay_ms(failed, jitter=one) is None) == (policy.delay_ms(failed, jitter=other) is None)
    limited = policy.max_attempts is not None and failed >= max(1, policy.max_attempts)
    assert (policy.delay_ms(failed, jitter=one) is None) == limited
