"""The times of all groups, here and there: played last, when both servers were played on."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.conftest import PLAYED
from tests.conformance.blackbox.ratios import NOISE, POLLING_S, Played, groups_of, ratio_lines


def _played(group: str, *times: tuple[float, float], case: str = "a") -> list[Played]:
    """Return a case with the times that ours and theirs took with one SDK after the other."""
    return [
        Played(group=group, case=case, orchestrator=orchestrator, sdk=f"sdk {number}", seconds=seconds)
        for number, both in enumerate(times)
        for orchestrator, seconds in zip(("holdfast", "restate"), both, strict=True)
    ]


def test_a_slow_group_is_found() -> None:
    """A group that takes longer than polling and noise allow is too slow; one within them is not."""
    allowed = 4 * (1 + NOISE) + POLLING_S
    slow, fast = groups_of([*_played("a", (allowed + 0.01, 4.0)), *_played("b", (allowed - 0.01, 4.0))])
    assert (slow.is_too_slow, fast.is_too_slow) == (True, False)
    assert ratio_lines([slow, fast])[1].endswith("too slow")


def test_one_busy_moment_is_no_verdict() -> None:
    """A case's time is its median, so that one of three plays may take as long as it likes."""
    [group] = groups_of(_played("a", (1.0, 1.0), (90.0, 1.0), (1.2, 1.0)))
    assert (group.ours_s, group.theirs_s, group.plays) == (1.2, 1.0, 3)


def test_only_what_both_passed_is_compared() -> None:
    """A case that one of the two did not play or did not pass says nothing."""
    alone = Played(group="a", case="b", orchestrator="holdfast", sdk="sdk 0", seconds=50.0)
    [group] = groups_of([*_played("a", (1.0, 1.0)), alone])
    assert (group.cases, group.ours_s) == (1, 1.0)


@pytest.mark.played_last
def test_no_group_is_slower_than_documented(request: pytest.FixtureRequest) -> None:
    """No group takes longer than on a stock server by more than the documented polling, and noise."""
    slow = [group for group in groups_of(request.config.stash[PLAYED]) if group.is_too_slow]
    assert not slow, "\n".join(ratio_lines(slow))
