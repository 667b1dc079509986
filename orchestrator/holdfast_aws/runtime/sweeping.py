"""The sweeper's event: a sweep, and how much it moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_aws.sweeper import Sweeper

if TYPE_CHECKING:
    from holdfast_aws.runtime.process import Process


class Sweeping:
    """Handles the schedule's events."""

    def __init__(self, process: Process) -> None:
        self._process = process
        ports = process.ports
        self._sweeper = Sweeper(ports.timers, ports.queue, clock=ports.world.clock)

    async def handle(self, _event: object, _context: object) -> dict[str, int]:
        """Sweep once; what is left when the time is up is for the next run."""
        moved = await self._sweeper.sweep()
        self._process.telemetry.count("TimersMoved", moved)
        return {"moved": moved}
