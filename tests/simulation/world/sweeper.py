"""The sweeper: moves timers that fall due soon from their table onto the queue, which can delay for minutes only."""

from __future__ import annotations

import asyncio
from typing import Any

from holdfast_engine.errors import Unavailable
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Site
from tests.simulation.world.fleet import ConnectionLost, Fleet
from tests.simulation.world.port import Port
from tests.simulation.world.queue import DELAY_S_MAX, SimQueue
from tests.simulation.world.surroundings import EPOCH_MS

PERIOD_S = 300.0


class SimTimers(Port):
    """One process's access to the timers table and the queue."""

    def __init__(self, disk: Disk, queue: SimQueue, **surroundings: Any) -> None:
        super().__init__(**surroundings)
        self._disk = disk
        self._queue = queue

    async def sweep(self, now_ms: int) -> None:
        """Send what falls due before the next sweep and the longest delay, then delete it."""
        until_ms = now_ms + int((DELAY_S_MAX + PERIOD_S) * 1000)
        rows = await self._do(Site.READ, "due timers", lambda: sorted(self._disk.items["timer"]))
        for due_ms, invocation_id in rows:
            if due_ms <= until_ms and self._disk.get("timer", (due_ms, invocation_id)):
                await self._move(due_ms, invocation_id, (due_ms - now_ms) / 1000)

    async def _move(self, due_ms: int, invocation_id: str, delay_s: float) -> None:
        what = f"sweep {invocation_id} in {delay_s:.3f} s"
        await self._do(Site.SEND, what, lambda: self._queue.send(invocation_id, delay_s=delay_s))
        row = (due_ms, invocation_id)
        await self._do(Site.WRITE, f"delete timer {invocation_id}", lambda: self._disk.put("timer", row, item=None))


async def sweep_for_ever(fleet: Fleet) -> None:
    """Sweep every few minutes, whatever became of the last time."""
    while True:
        await asyncio.sleep(PERIOD_S)
        if any(fleet.disk.items["timer"].values()):
            try:
                await fleet.instance_for("sweeper", lambda instance: _sweep(fleet, instance))
            except (ConnectionLost, Unavailable):
                continue


async def _sweep(fleet: Fleet, instance: Any) -> None:
    process = instance.process
    timers = SimTimers(
        fleet.disk, fleet.queue, process=process, faults=fleet.faults, latency=fleet.latency, history=fleet.history
    )
    await timers.sweep(EPOCH_MS + int(fleet.loop.now_s * 1000) + process.skew_ms)
