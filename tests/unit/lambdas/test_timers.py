"""Timers of any length through all their stations, in virtual time: never early, never lost, in time while swept."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from holdfast_aws.runtime.dispatcher import Dispatcher
from holdfast_aws.sweeper import Sweeper
from holdfast_aws.timers import Timer, partition_of, sort_of, timer_of
from holdfast_aws.wakeup_queue import DELAY_S_MAX, Outgoing
from holdfast_aws.wakeups import SqsWakeups
from holdfast_engine.world import Settings
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest
from tests.support.virtual_time import in_virtual_time
from tests.unit.lambdas.surroundings import ProcessUnderTest, failed, records

SECOND_MS, MINUTE_MS = 1_000, 60_000
DAY_MS = 24 * 60 * MINUTE_MS
LENGTHS_MS = [SECOND_MS, 14 * MINUTE_MS, 15 * MINUTE_MS, 16 * MINUTE_MS, DAY_MS, 40 * DAY_MS]
SWEEP_EVERY_S = 300
# What SQS, which counts in seconds, may add at each station, and what an early arrival costs.
LATE_MS_MAX = 3 * SECOND_MS


class Rows:
    """The table of timers, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = defaultdict(list)
        self.swept: int | None = None

    async def put(self, timer: Timer, *, now_ms: int) -> None:
        self.swept = now_ms if self.swept is None else self.swept
        if sort_of(timer) not in self.rows[partition_of(timer)]:
            insort(self.rows[partition_of(timer)], sort_of(timer))

    async def due(self, slot: int, shard: int, *, until_ms: int, limit: int) -> list[Timer]:
        timers = [timer_of(sort) for sort in self.rows.get(f"{slot}.{shard}", ())]
        return [timer for timer in timers if timer.due_ms <= until_ms][:limit]

    async def remove(self, timers: Sequence[Timer]) -> None:
        for timer in timers:
            if sort_of(timer) in self.rows[partition_of(timer)]:
                self.rows[partition_of(timer)].remove(sort_of(timer))

    async def swept_ms(self) -> int | None:
        return self.swept

    async def say_swept(self, until_ms: int) -> None:
        self.swept = until_ms


class SkewedClock:
    """A clock that is ahead of the engine's, or behind."""

    def __init__(self, clock: Any, *, ahead_ms: int) -> None:
        self._clock = clock
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return int(self._clock.now_ms() + self._ahead_ms)


class Installation:
    """An engine behind a queue and a sweeper; each message comes as often as `copies` says, and again when put back."""

    def __init__(self, e: EngineUnderTest, *, sweeper_ahead_ms: int = 0, copies: int = 1) -> None:
        self.e = e
        self.rows = Rows()
        self.fired_ms: list[int] = []
        self._copies = copies
        self._visible_s: dict[str, float] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        e.world.wakeups = SqsWakeups(
            self,  # type: ignore[arg-type]  # a queue that sends to itself
            self.rows,  # type: ignore[arg-type]  # rows in memory
            clock=e.clock,
            ends_ms=lambda: e.clock.now_ms() + 840_000,
        )
        process: Any = ProcessUnderTest(e, seconds=840)
        self._process = process
        self._dispatcher = Dispatcher(process, queue=self)
        self.sweeper = Sweeper(self.rows, self, clock=SkewedClock(e.clock, ahead_ms=sweeper_ahead_ms))  # type: ignore[arg-type]

    async def send(self, message: Outgoing) -> None:
        assert 0 <= message.delay_s <= DELAY_S_MAX
        for _ in range(self._copies):
            self._later(message.delay_s, message.body, 1)

    async def change(self, receipts: Sequence[str], *, seconds: int) -> None:
        for receipt in receipts:
            self._visible_s[receipt] = asyncio.get_running_loop().time() + seconds

    async def sweep_for(self, days: float) -> None:
        """Sweep every five minutes for so long."""
        for _ in range(round(days * 24 * 3600 / SWEEP_EVERY_S)):
            await asyncio.sleep(SWEEP_EVERY_S)
            await self.sweeper.sweep()

    def stop(self) -> None:
        for delivery in self._deliveries:
            delivery.cancel()

    def _later(self, seconds: float, body: str, receives: int) -> None:
        delivery = asyncio.create_task(self._deliver(seconds, body, receives))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(self, seconds: float, body: str, receives: int) -> None:
        await asyncio.sleep(seconds)
        self._process.deadline.begin(remaining_ms=840_000)
        receipt = f"receipt-{id(asyncio.current_task())}"
        event = records(body, receives=receives)
        event["Records"][0]["receiptHandle"] = receipt
        if failed(await self._dispatcher.handle(event, None)):
            left_s = self._visible_s[receipt] - asyncio.get_running_loop().time()
            self._later(max(0.0, left_s), body, receives + 1)


async def sleeper(e: EngineUnderTest, site: Installation, length_ms: int) -> tuple[str, int]:
    """Start an invocation that sleeps; return its id and when it is due. The script notes when it goes on."""
    due_ms = e.clock.now_ms() + length_ms

    async def work(attempt: Attempt) -> list[bytes]:
        if attempt.notification(1) is None:
            return [f.sleep(1, due_ms), f.suspension(1)]
        site.fired_ms.append(e.clock.now_ms())
        return [f.output(b"slept"), f.END]

    e.script["S/work"] = work
    return await e.send("S/work"), due_ms


def check(site: Installation, due_ms: int, *, late_ms_max: int = LATE_MS_MAX) -> None:
    (fired_ms,) = site.fired_ms
    assert 0 <= fired_ms - due_ms <= late_ms_max
    assert not any(site.rows.rows.values())


@pytest.mark.parametrize("length_ms", LENGTHS_MS)
@in_virtual_time
async def test_a_sleep_of_any_length_ends_in_time(length_ms: int) -> None:
    """With a sweep every five minutes a sleep ends once, not before its time, and at most a few seconds behind it."""
    async with EngineUnderTest(settings=Settings(is_alone=False)) as e:
        site = Installation(e)
        _, due_ms = await sleeper(e, site, length_ms)
        await site.sweep_for(length_ms / DAY_MS + 0.05)
        check(site, due_ms)
        site.stop()


@pytest.mark.parametrize("length_ms", LENGTHS_MS)
@in_virtual_time
async def test_a_start_may_be_as_far_away(length_ms: int) -> None:
    """A delayed invocation begins as a sleep ends."""
    async with EngineUnderTest(settings=Settings(is_alone=False)) as e:
        site = Installation(e)
        due_ms = e.clock.now_ms() + length_ms

        async def work(_: Attempt) -> list[bytes]:
            site.fired_ms.append(e.clock.now_ms())
            return [f.output(b"begun"), f.END]

        e.script["S/work"] = work
        await e.send("S/work", invoke_at_ms=due_ms)
        await site.sweep_for(length_ms / DAY_MS + 0.05)
        check(site, due_ms)
        site.stop()


@pytest.mark.parametrize("ahead_ms", [-4 * MINUTE_MS, -2_500, 2_500, 10 * MINUTE_MS])
@pytest.mark.parametrize("length_ms", [16 * MINUTE_MS, DAY_MS])
@in_virtual_time
async def test_a_sweeper_with_another_clock_makes_nothing_early(length_ms: int, ahead_ms: int) -> None:
    """A sweeper whose clock is ahead has messages come too early, which arm again; behind, it is late by as much."""
    async with EngineUnderTest(settings=Settings(is_alone=False)) as e:
        site = Installation(e, sweeper_ahead_ms=ahead_ms)
        _, due_ms = await sleeper(e, site, length_ms)
        await site.sweep_for(length_ms / DAY_MS + 0.05)
        check(site, due_ms, late_ms_max=LATE_MS_MAX + max(0, -ahead_ms))
        site.stop()


@pytest.mark.parametrize("length_ms", LENGTHS_MS[:-1])
@in_virtual_time
async def test_everything_twice_is_once(length_ms: int) -> None:
    """Messages that come twice and sweepers that run at the same time have a sleep end once all the same."""
    async with EngineUnderTest(settings=Settings(is_alone=False)) as e:
        site = Installation(e, copies=2)
        _, due_ms = await sleeper(e, site, length_ms)
        for _ in range(round((length_ms / MINUTE_MS + 60) / 5)):
            await asyncio.sleep(SWEEP_EVERY_S)
            await asyncio.gather(site.sweeper.sweep(), site.sweeper.sweep())
        check(site, due_ms)
        site.stop()


@pytest.mark.parametrize("length_ms", [60 * MINUTE_MS, 40 * DAY_MS])
@in_virtual_time
async def test_a_standstill_of_the_sweeper_loses_nothing(length_ms: int) -> None:
    """A sweeper that did not run for two days finds what fell due meanwhile with its next run."""
    async with EngineUnderTest(settings=Settings(is_alone=False)) as e:
        site = Installation(e)
        _, due_ms = await sleeper(e, site, length_ms)
        await asyncio.sleep(length_ms / 1000 + 2 * 24 * 3600)
        assert site.fired_ms == []
        await site.sweeper.sweep()
        await asyncio.sleep(5)
        check(site, due_ms, late_ms_max=2 * DAY_MS + 10 * SECOND_MS)
        site.stop()
