"""Timers beyond a quarter of an hour: never early, never lost, whatever happens to sweeps and whenever they come."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast_aws.sweeper import HORIZON_MS, Sweeper, slots
from holdfast_aws.timers import SHARDS, SLOT_MS, Timer, Timers, partition_of, slot_of, sort_of, timer_of
from holdfast_aws.wakeup_queue import DELAY_S_MAX, Outgoing
from holdfast_aws.wakeups import SqsWakeups
from holdfast_engine.errors import StoreUnreachable, Unavailable, WakeupsUnreachable
from holdfast_engine.meter import Meter
from tests.support.dynamo_stores import client_of, new_store, new_tables
from tests.support.dynoxide import Dynoxide

START_MS = 1_800_000_000_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
PERIOD_MS = 5 * MINUTE_MS


class Installation:
    """Wake-ups, a table and a queue in memory, and a clock that stands where a test sets it; calls fail as told to."""

    def __init__(self) -> None:
        self.now = START_MS
        self.arrivals: dict[str, list[int]] = defaultdict(list)
        self.failures = 0
        self.calls_until_failure = 0
        self._rows: dict[str, list[str]] = defaultdict(list)
        self._swept: int | None = None
        self.wakeups = SqsWakeups(self, self, clock=self, ends_ms=lambda: self.now)  # type: ignore[arg-type]
        self.sweeper = Sweeper(self, self, clock=self)  # type: ignore[arg-type]

    def now_ms(self) -> int:
        return self.now

    @property
    def rows(self) -> int:
        return sum(map(len, self._rows.values()))

    def fail_after(self, calls: int) -> None:
        """Have one call fail once, after so many others."""
        self.failures, self.calls_until_failure = 1, calls

    async def send(self, message: Outgoing) -> None:
        self._maybe(WakeupsUnreachable("no queue"))
        assert 0 <= message.delay_s <= DELAY_S_MAX
        self.arrivals[message.body].append(self.now + 1000 * message.delay_s)

    async def put(self, timer: Timer, *, now_ms: int) -> None:
        self._swept = now_ms if self._swept is None else self._swept
        rows = self._rows[partition_of(timer)]
        if sort_of(timer) not in rows:
            insort(rows, sort_of(timer))

    async def due(self, slot: int, shard: int, *, until_ms: int, limit: int) -> list[Timer]:
        self._maybe(StoreUnreachable("no table"))
        timers = [timer_of(sort) for sort in self._rows.get(f"{slot}.{shard}", ())]
        return [timer for timer in timers if timer.due_ms <= until_ms][:limit]

    async def remove(self, timers: Sequence[Timer]) -> None:
        self._maybe(StoreUnreachable("no table"))
        for timer in timers:
            self._rows[partition_of(timer)].remove(sort_of(timer))

    async def swept_ms(self) -> int | None:
        return self._swept

    async def say_swept(self, until_ms: int) -> None:
        self._maybe(StoreUnreachable("no table"))
        self._swept = until_ms

    def _maybe(self, failure: Unavailable) -> None:
        self.calls_until_failure -= 1
        if self.failures and self.calls_until_failure < 0:
            self.failures -= 1
            raise failure


async def play(events: Sequence[tuple[int, str, int]]) -> None:
    """Play arms (how far away) and sweeps (which call fails, if any) at their times, then sweep until all is due."""
    world = Installation()
    armed: list[tuple[int, Timer]] = []
    sweeps: list[int] = []

    async def sweep() -> None:
        try:
            await world.sweeper.sweep()
        except Unavailable:
            return
        sweeps.append(world.now)

    for at_ms, kind, number in sorted(events):
        world.now = START_MS + at_ms
        if kind == "arm":
            timer = Timer(due_ms=world.now + number, invocation_id=f"inv_{len(armed)}")
            await world.wakeups.wake(timer.invocation_id, not_before_ms=timer.due_ms)
            armed.append((world.now, timer))
        else:
            if number:
                world.fail_after(number - 1)
            await sweep()
            world.failures = 0
    last = max((timer.due_ms for _, timer in armed), default=0)
    while not sweeps or sweeps[-1] < last:
        world.now += 5 * HOUR_MS
        await sweep()
    assert world.rows == 0
    for put_ms, timer in armed:
        arrivals = world.arrivals[timer.invocation_id]
        assert arrivals, f"{timer} is lost"
        assert min(arrivals) >= timer.due_ms, f"{timer} is early"
        looked = [at for at in sweeps if at >= max(put_ms, timer.due_ms - HORIZON_MS)]
        bound = timer.due_ms if timer.due_ms - put_ms <= HORIZON_MS else max(timer.due_ms, looked[0])
        assert min(arrivals) <= bound + 1000, f"{timer} is late"


_TIMES = st.integers(0, 2 * DAY_MS)
_DUE_IN = st.integers(0, 3 * DAY_MS) | st.integers(HORIZON_MS - 2000, HORIZON_MS + PERIOD_MS)
_ARMS = st.tuples(_TIMES, st.just("arm"), _DUE_IN)
_SWEEPS = st.tuples(_TIMES, st.just("sweep"), st.integers(0, 60))


@settings(max_examples=60, deadline=None)
@given(st.lists(_ARMS | _SWEEPS, max_size=40))
def test_no_timer_is_early_or_lost(events: list[tuple[int, str, int]]) -> None:
    """Every timer arrives at its time or within a second of it, or with the first sweep that succeeds after that."""
    asyncio.run(play(events))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, HOUR_MS), st.integers(HORIZON_MS - 2000, 2 * HOUR_MS)), min_size=1, max_size=20),
    st.integers(0, PERIOD_MS - 1),
    st.sets(st.integers(0, 4 * HOUR_MS // PERIOD_MS)),
)
def test_one_sweep_in_two_is_enough_to_be_in_time(
    arms: list[tuple[int, int]], phase_ms: int, failing: set[int]
) -> None:
    """With a sweep every five minutes, of which never two in a row fail, every timer is in time."""
    world = Installation()
    due: dict[str, int] = {}

    async def run() -> None:
        number = 0
        pending = sorted(arms)
        while number * PERIOD_MS <= 4 * HOUR_MS:
            at_ms = number * PERIOD_MS + phase_ms
            while pending and pending[0][0] <= at_ms:
                world.now = START_MS + pending[0][0]
                due_ms = world.now + pending.pop(0)[1]
                name = f"inv_{len(due)}"
                due[name] = due_ms
                await world.wakeups.wake(name, not_before_ms=due_ms)
            world.now = START_MS + at_ms
            if number in failing and number - 1 not in failing:
                world.fail_after(0)
            try:
                await world.sweeper.sweep()
            except Unavailable:
                pass
            world.failures = 0
            number += 1

    asyncio.run(run())
    for name, due_ms in due.items():
        assert due_ms <= min(world.arrivals[name]) <= due_ms + 1000


@given(st.integers(0, 10**14), st.text(st.characters(codec="ascii", exclude_characters="."), min_size=1))
def test_a_row_is_the_timer(due_ms: int, invocation_id: str) -> None:
    """The key of a row says everything, and so a timer armed twice is one row."""
    timer = Timer(due_ms=due_ms, invocation_id=invocation_id)
    assert timer_of(sort_of(timer)) == timer
    slot, shard = partition_of(timer).split(".")
    assert int(slot) == slot_of(due_ms)
    assert 0 <= int(shard) < SHARDS


@given(st.lists(st.integers(0, 10**14), min_size=2, max_size=2))
def test_rows_sort_as_their_times(times: list[int]) -> None:
    """The soonest row of a partition comes first."""
    first, second = (sort_of(Timer(due_ms=due_ms, invocation_id="inv_1")) for due_ms in sorted(times))
    assert first <= second


@given(st.integers(0, 10 * DAY_MS), st.none() | st.integers(-10 * DAY_MS, DAY_MS))
def test_a_sweep_looks_from_the_mark_to_the_horizon(ahead_ms: int, mark_ms: int | None) -> None:
    """All slots from that of the mark to that of the horizon are looked at, and each once; at rest these are two."""
    now = START_MS + ahead_ms
    mark = None if mark_ms is None else now + mark_ms
    looked = slots(mark, now_ms=now)
    from_ms = now if mark is None else min(mark, now)
    assert list(looked) == list(range(from_ms // SLOT_MS, (now + HORIZON_MS) // SLOT_MS + 1))
    if mark is None or now - PERIOD_MS <= mark:
        assert len(looked) <= 3


async def test_the_first_sweep_of_all_begins_with_the_first_timer() -> None:
    """Where no sweep was ever done, timers of long ago are found all the same."""
    world = Installation()
    await world.wakeups.wake("inv_1", not_before_ms=START_MS + HOUR_MS)
    await world.wakeups.wake("inv_2", not_before_ms=START_MS + 9 * DAY_MS)
    world.now += 3 * DAY_MS
    assert await world.sweeper.sweep() == 1
    assert world.arrivals == {"inv_1": [world.now]}


async def test_a_standstill_is_caught_up_with_bit_by_bit() -> None:
    """A sweep that is cut off has moved its mark behind the slots that it finished, so the next one begins there."""
    world = Installation()
    await world.sweeper.sweep()
    for days in range(1, 5):
        await world.wakeups.wake(f"inv_{days}", not_before_ms=START_MS + days * DAY_MS)
    world.now = START_MS + 10 * DAY_MS
    # Beyond the slots of two days and before those of three.
    world.fail_after(int(2.5 * DAY_MS / SLOT_MS) * (SHARDS + 1))
    with pytest.raises(Unavailable):
        await world.sweeper.sweep()
    swept_ms = await world.swept_ms()
    assert swept_ms is not None
    assert 2 * DAY_MS < swept_ms - START_MS < 3 * DAY_MS
    assert (sorted(world.arrivals), world.rows) == (["inv_1", "inv_2"], 2)
    assert await world.sweeper.sweep() == 2
    assert world.rows == 0


class Rows:
    """A table of timers on a real server, swept into memory."""

    def __init__(self, dynoxide: Dynoxide) -> None:
        client = client_of(dynoxide.url)
        self.store = new_store(client, clock=self)
        self._table = new_tables(client).timers
        self.timers = self.another()
        self.now = START_MS
        self.sent: list[Outgoing] = []
        self.sweeper = Sweeper(self.timers, self, clock=self)  # type: ignore[arg-type]

    def now_ms(self) -> int:
        return self.now

    def another(self) -> Timers:
        """Return the table as another process sees it."""
        return Timers(self.store.dynamo, self._table)

    async def send(self, message: Outgoing) -> None:
        self.sent.append(message)


async def test_rows_are_found_moved_and_gone(dynoxide: Dynoxide) -> None:
    """On a real table what is due within a quarter of an hour is moved with its delay, and the rest stays."""
    rows = Rows(dynoxide)
    due = [START_MS + number * 20_000 for number in range(60)]
    timers = [Timer(due_ms=due_ms, invocation_id=f"inv_{due_ms}") for due_ms in due]
    for timer in [*timers, timers[0]]:
        await rows.timers.put(timer, now_ms=START_MS)
    assert await rows.sweeper.sweep() == 46
    delays = {message.body: message.delay_s for message in rows.sent}
    assert delays == {f"inv_{due_ms}": (due_ms - START_MS) // 1000 for due_ms in due[:46]}
    assert await rows.sweeper.sweep() == 0
    assert await rows.timers.swept_ms() == START_MS
    rows.now += PERIOD_MS
    assert await rows.sweeper.sweep() == 14
    assert await rows.sweeper.sweep() == 0
    rows.store.close()


async def test_the_first_timer_of_all_leaves_the_mark(dynoxide: Dynoxide) -> None:
    """Before the first row stands where a sweep has to begin; neither later timers nor other processes move it."""
    rows = Rows(dynoxide)
    assert await rows.timers.swept_ms() is None
    await rows.timers.put(Timer(due_ms=START_MS + HOUR_MS, invocation_id="inv_1"), now_ms=START_MS)
    await rows.timers.put(Timer(due_ms=START_MS + HOUR_MS, invocation_id="inv_2"), now_ms=START_MS + 1)
    await rows.another().put(Timer(due_ms=START_MS + HOUR_MS, invocation_id="inv_3"), now_ms=START_MS - 1)
    assert await rows.timers.swept_ms() == START_MS
    rows.now += 3 * DAY_MS
    assert await rows.sweeper.sweep() == 3
    rows.store.close()


async def test_many_of_one_minute_are_moved_in_portions(dynoxide: Dynoxide) -> None:
    """More rows of one moment than are taken in hand at a time are all moved, once each."""
    rows = Rows(dynoxide)
    names = [f"inv_{number}" for number in range(1000)]
    gate = asyncio.Semaphore(16)

    async def put(name: str) -> None:
        async with gate:
            await rows.timers.put(Timer(due_ms=START_MS + 1, invocation_id=name), now_ms=START_MS)

    await asyncio.gather(*map(put, names))
    assert await rows.sweeper.sweep() == 1000
    assert sorted(message.body for message in rows.sent) == sorted(names)
    rows.store.close()


async def test_a_timer_costs_a_write_and_its_end_another(dynoxide: Dynoxide) -> None:
    """Arming is one write unit and removing one; a sweep of a table at rest writes its mark and reads a little."""
    rows = Rows(dynoxide)
    meter: Meter = rows.store.meter
    await rows.sweeper.sweep()
    await rows.timers.put(Timer(due_ms=START_MS + 1, invocation_id="inv_1"), now_ms=START_MS)
    write_units = meter.write_units
    await rows.timers.put(Timer(due_ms=START_MS + 2, invocation_id="inv_1"), now_ms=START_MS)
    assert meter.write_units - write_units == 1
    await rows.sweeper.sweep()
    assert (meter.write_units - write_units, meter.retention_units) == (2, 2)
    read_units = meter.read_units
    await rows.sweeper.sweep()
    assert (meter.write_units - write_units, meter.retention_units) == (3, 2)
    assert meter.read_units - read_units <= 3 * SHARDS + 1
    rows.store.close()
