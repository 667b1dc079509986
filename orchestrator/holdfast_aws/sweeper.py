"""The sweeper: moves timers that come near from their table onto the queue of wake-ups, with the exact delay.

Near means within the longest delay of a message. Rows are put when they are due later than that, and the first sweep
after one has come near finds it with ten or more of its fifteen minutes left: with sweeps every five minutes, two in a
row may fail before a timer is late, and none is ever lost. First the message, then the row: a crash in between is a
message more.

Where to begin is said by a mark in the table, which is there before the first row and which each sweep moves on when it
is through. After a standstill, however long, the next sweep begins where the last one ended.
"""

from __future__ import annotations

import asyncio

from holdfast_aws.timers import SHARDS, SLOT_MS, Timer, Timers, slot_of
from holdfast_aws.wakeup_queue import DELAY_S_MAX, WakeupQueue
from holdfast_aws.wakeups import delay_s, outgoing
from holdfast_engine.ports import Clock

HORIZON_MS = DELAY_S_MAX * 1000

# How many rows are in hand at a time, of each shard; all shards of a slot are swept together.
_ROWS_MAX = 50


class Sweeper:
    """Sweeps one table of timers."""

    def __init__(self, timers: Timers, queue: WakeupQueue, *, clock: Clock) -> None:
        self._timers = timers
        self._queue = queue
        self._clock = clock

    async def sweep(self) -> int:
        """Move what is due within the horizon, and return how much that was; may be cut off anywhere.

        Raises:
            Unavailable: Something could not be moved; it is still there, and so is the mark behind it.
        """
        now = self._clock.now_ms()
        moved = 0
        for slot in slots(await self._timers.swept_ms(), now_ms=now):
            shards = [self._sweep_shard(slot, shard, until_ms=now + HORIZON_MS) for shard in range(SHARDS)]
            counts = await asyncio.gather(*shards, return_exceptions=True)
            for count in counts:
                if isinstance(count, BaseException):
                    raise count
                moved += count
            if (slot + 1) * SLOT_MS <= now:
                # Behind a standstill: what has been caught up with shall not have to be again.
                await self._timers.say_swept((slot + 1) * SLOT_MS)
        await self._timers.say_swept(now)
        return moved

    async def _sweep_shard(self, slot: int, shard: int, *, until_ms: int) -> int:
        moved = 0
        while timers := await self._timers.due(slot, shard, until_ms=until_ms, limit=_ROWS_MAX):
            moved += await self._move(timers)
            if len(timers) < _ROWS_MAX:
                break
        return moved

    async def _move(self, timers: list[Timer]) -> int:
        results = await asyncio.gather(*[self._send(timer) for timer in timers], return_exceptions=True)
        sent = [timer for timer, result in zip(timers, results, strict=True) if result is None]
        if sent:
            await self._timers.remove(sent)
        for result in results:
            if result is not None:
                raise result
        return len(sent)

    async def _send(self, timer: Timer) -> None:
        # A clock may be set back; who is woken too early arms again.
        delay = min(delay_s(timer.due_ms, now_ms=self._clock.now_ms()), DELAY_S_MAX)
        await self._queue.send(outgoing(timer.invocation_id, delay_s=delay))


def slots(swept_ms: int | None, *, now_ms: int) -> range:
    """Return the slots that a sweep has to look at: from where the last one was, until as far as it moves timers.

    A row is due a quarter of an hour after it was put, or later. So in front of the time of the last sweep there is
    nothing new, even if the clock of who put it was a quarter of an hour behind.
    """
    from_ms = now_ms if swept_ms is None else min(swept_ms, now_ms)
    return range(slot_of(from_ms), slot_of(now_ms + HORIZON_MS) + 1)
