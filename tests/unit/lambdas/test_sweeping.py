"""The sweeper's event: what its walks come to is counted, for an alarm to hear."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from holdfast_aws.runtime import sweeping
from tests.unit.lambdas.surroundings import Counted


class Sweeper:
    """Moves nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    async def sweep(self) -> int:
        return 2


class Walk:
    """A walk that knows how late it is."""

    def __init__(self, *, is_behind: bool) -> None:
        self.is_behind = is_behind

    async def go_on(self, *, until_ms: int) -> bool:
        return until_ms > 0


@pytest.mark.parametrize(("late", "counted"), [((), 0), ((True,), 1), ((True, True), 2)])
async def test_walks_that_fall_behind_are_counted(
    monkeypatch: pytest.MonkeyPatch, late: tuple[bool, ...], counted: int
) -> None:
    """Each walk that is behind adds to the metric on which there is an alarm, and one that is not does not."""
    monkeypatch.setattr(sweeping, "Sweeper", Sweeper)
    walks = [Walk(is_behind=False), *(Walk(is_behind=each) for each in late)]
    ports = SimpleNamespace(timers=None, queue=None, world=SimpleNamespace(clock=None), walks=walks)
    process: Any = SimpleNamespace(ports=ports, telemetry=Counted(), now_ms=lambda: 0)
    assert await sweeping.Sweeping(process).handle({}, None) == {"moved": 2}
    assert process.telemetry["WalksBehind"] == counted
