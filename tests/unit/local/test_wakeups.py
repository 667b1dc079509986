"""Wake-ups in this process: each name once, not before its time, and back again when handling it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from holdfast_engine.records import KeyRef
from holdfast_engine.world import Tasks
from holdfast_local.wakeups import LocalWakeups
from tests.support.virtual_time import EPOCH_MS, VirtualClock, in_virtual_time

KEY = KeyRef(service="Counter", key="k")


class Handled:
    """Wake-ups, and the record of what they handed over and when."""

    def __init__(self, answer: Callable[[int], int | None] = lambda _: None) -> None:
        self.at_ms: list[tuple[str | KeyRef, int]] = []
        self.settled: list[str] = []
        self._answer = answer
        self.clock = VirtualClock()
        self.tasks = Tasks(10)
        self.wakeups = LocalWakeups(clock=self.clock, tasks=self.tasks, settle=self.settled.append)
        self.wakeups.bind(advance=self.advance, check_key=self.check_key)

    async def advance(self, invocation_id: str) -> int | None:
        self.at_ms.append((invocation_id, self.clock.now_ms() - EPOCH_MS))
        return self._answer(len(self.at_ms))

    async def check_key(self, key: KeyRef) -> None:
        self.at_ms.append((key, self.clock.now_ms() - EPOCH_MS))


@in_virtual_time
async def test_a_wake_up_is_delivered() -> None:
    """A name is handed over at once, or when its time has come; so is a key."""
    handled = Handled()
    await handled.wakeups.wake("now", not_before_ms=None)
    await handled.wakeups.wake("past", not_before_ms=EPOCH_MS - 1)
    await handled.wakeups.wake("later", not_before_ms=EPOCH_MS + 5000)
    await handled.wakeups.check_key(KEY, not_before_ms=EPOCH_MS + 7000)
    await asyncio.sleep(10)
    assert handled.at_ms == [("now", 0), ("past", 0), ("later", 5000), (KEY, 7000)]


@in_virtual_time
async def test_a_name_waits_once() -> None:
    """However often a name is woken before it is handled, it is handled once."""
    handled = Handled()
    for _ in range(10):
        await handled.wakeups.wake("name", not_before_ms=None)
    await asyncio.sleep(1)
    assert handled.at_ms == [("name", 0)]


@in_virtual_time
async def test_a_wake_up_during_the_handling_is_news() -> None:
    """A wake-up that comes while its name is being handled is not lost: the handler may have looked before."""
    handled = Handled()

    async def advance(invocation_id: str) -> int | None:
        await asyncio.sleep(1)
        return await handled.advance(invocation_id)

    handled.wakeups.bind(advance=advance, check_key=handled.check_key)
    await handled.wakeups.wake("name", not_before_ms=None)
    await asyncio.sleep(0.5)
    await handled.wakeups.wake("name", not_before_ms=None)
    await asyncio.sleep(5)
    assert len(handled.at_ms) == 2


@in_virtual_time
async def test_of_two_times_the_earlier_is_kept() -> None:
    """A later time does not put a wake-up off, and an earlier one brings it forward."""
    handled = Handled()
    await handled.wakeups.wake("a", not_before_ms=EPOCH_MS + 1000)
    await handled.wakeups.wake("a", not_before_ms=EPOCH_MS + 9000)
    await handled.wakeups.wake("b", not_before_ms=EPOCH_MS + 9000)
    await handled.wakeups.wake("b", not_before_ms=EPOCH_MS + 2000)
    await asyncio.sleep(20)
    assert handled.at_ms == [("a", 1000), ("b", 2000)]


@in_virtual_time
async def test_no_wake_up_is_early() -> None:
    """A thousand times drawn over a minute are all met, none of them early, each within its bound (T1)."""
    handled = Handled()
    due = {f"n{number}": (number * 7919) % 60_000 for number in range(1000)}
    for name, at_ms in due.items():
        await handled.wakeups.wake(name, not_before_ms=EPOCH_MS + at_ms)
    await asyncio.sleep(61)
    assert len(handled.at_ms) == 1000
    for woken, at_ms in handled.at_ms:
        assert isinstance(woken, str)
        assert 0 <= at_ms - due[woken] <= 1


@in_virtual_time
async def test_who_asks_for_it_is_called_again() -> None:
    """A handler that says when it wants the message back gets it then; never in the same moment, for ever."""
    handled = Handled(lambda count: EPOCH_MS + (4000 if count == 1 else 0) if count < 4 else None)
    await handled.wakeups.wake("name", not_before_ms=None)
    await asyncio.sleep(20)
    assert [at_ms for _, at_ms in handled.at_ms] == [0, 4000, 4001, 4002]


@in_virtual_time
async def test_a_failing_handler_is_called_ever_more_slowly(caplog: pytest.LogCaptureFixture) -> None:
    """A message whose handling fails comes back, up to once a minute, with a line in the log each time (P1)."""
    handled = Handled()

    async def advance(invocation_id: str) -> int | None:
        await handled.advance(invocation_id)
        if len(handled.at_ms) < 9:
            raise RuntimeError("boom")
        return None

    handled.wakeups.bind(advance=advance, check_key=handled.check_key)
    with caplog.at_level(logging.CRITICAL, logger="holdfast"):
        await handled.wakeups.wake("name", not_before_ms=None)
        await asyncio.sleep(600)
    seconds = [round(at_ms / 1000) for _, at_ms in handled.at_ms]
    assert seconds == [0, 1, 3, 7, 15, 31, 63, 123, 183]


@in_virtual_time
async def test_a_success_is_a_new_beginning(caplog: pytest.LogCaptureFixture) -> None:
    """After it succeeded, a message that fails again comes back as quickly as the first time."""
    handled = Handled()

    async def advance(invocation_id: str) -> int | None:
        await handled.advance(invocation_id)
        if len(handled.at_ms) in (1, 2, 4):
            raise RuntimeError("boom")
        return None

    handled.wakeups.bind(advance=advance, check_key=handled.check_key)
    with caplog.at_level(logging.CRITICAL, logger="holdfast"):
        await handled.wakeups.wake("name", not_before_ms=None)
        await asyncio.sleep(100)
        await handled.wakeups.wake("name", not_before_ms=None)
        await asyncio.sleep(100)
    assert [round(at_ms / 1000) for _, at_ms in handled.at_ms] == [0, 1, 3, 100, 101]


@in_virtual_time
async def test_one_that_fails_does_not_hold_up_others(caplog: pytest.LogCaptureFixture) -> None:
    """A poisonous message blocks nobody (P1)."""
    handled = Handled()

    async def advance(invocation_id: str) -> int | None:
        await handled.advance(invocation_id)
        if invocation_id == "poison":
            raise RuntimeError("boom")
        return None

    handled.wakeups.bind(advance=advance, check_key=handled.check_key)
    with caplog.at_level(logging.CRITICAL, logger="holdfast"):
        await handled.wakeups.wake("poison", not_before_ms=None)
        await handled.wakeups.wake("good", not_before_ms=None)
        await asyncio.sleep(0.1)
    assert ("good", 0) in handled.at_ms
    handled.wakeups.stop()


@in_virtual_time
async def test_after_the_stop_no_timer_fires() -> None:
    """Stopped wake-ups deliver nothing that was armed before."""
    handled = Handled()
    await handled.wakeups.wake("later", not_before_ms=EPOCH_MS + 1000)
    handled.wakeups.stop()
    await asyncio.sleep(10)
    assert handled.at_ms == []


@in_virtual_time
async def test_what_is_settled_is_passed_to_the_store() -> None:
    """The store is told at once; a watchdog has nothing to do."""
    handled = Handled()
    await handled.wakeups.settled("name")
    await handled.wakeups.watchdog("name")
    await asyncio.sleep(10)
    assert handled.settled == ["name"]
    assert handled.at_ms == []
