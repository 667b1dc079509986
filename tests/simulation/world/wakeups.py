"""The `Wakeups` port of one process over the simulated queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast_engine.records import KeyRef
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Site
from tests.simulation.world.port import Port
from tests.simulation.world.queue import DELAY_S_MAX, Body, SimQueue

# A watchdog comes so much after its sender must be finished or dead.
_WATCHDOG_MARGIN_S = 1.0


class SimWakeups(Port):
    """Sends messages; what is due later than the queue can delay becomes a row of the timers table."""

    def __init__(self, queue: SimQueue, disk: Disk, now_ms: Callable[[], int], **surroundings: Any) -> None:
        super().__init__(**surroundings)
        self._queue = queue
        self._disk = disk
        self._now_ms = now_ms

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        delay_s = 0.0 if not_before_ms is None else max(0.0, (not_before_ms - self._now_ms()) / 1000)
        if delay_s <= DELAY_S_MAX:
            await self._send(invocation_id, delay_s, f"wake {invocation_id} in {delay_s:.3f} s")
            return
        assert not_before_ms is not None
        due_ms = not_before_ms

        def effect() -> None:
            self._disk.put("timer", (due_ms, invocation_id), item=due_ms)

        await self._do(Site.WRITE, f"timer {invocation_id} at {due_ms}", effect)

    async def announce(self, invocation_id: str) -> bool:
        """Leave it at a watchdog and a wake-up, which are more to lose."""
        return False

    async def watchdog(self, invocation_id: str) -> None:
        deadline_s = self.process.deadline_s
        assert deadline_s is not None, f"{self.process} has no deadline, so no watchdog can outlive it"
        delay_s = deadline_s - self.process.loop.now_s + _WATCHDOG_MARGIN_S
        await self._send(invocation_id, delay_s, f"watchdog {invocation_id} in {delay_s:.3f} s")

    async def check_key(self, key: KeyRef, *, not_before_ms: int | None) -> None:
        delay_s = 0.0 if not_before_ms is None else max(0.0, (not_before_ms - self._now_ms()) / 1000)
        await self._send(key, delay_s, f"check key {key.service}/{key.key} in {delay_s:.3f} s")

    async def settled(self, invocation_id: str) -> None:
        """Do nothing: the message in hand sees to it."""

    async def _send(self, body: Body, delay_s: float, what: str) -> None:
        await self._do(Site.SEND, what, lambda: self._queue.send(body, delay_s=delay_s))
