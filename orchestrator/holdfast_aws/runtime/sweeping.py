"""The sweeper's event: a sweep, how much it moved, and a stretch of each walk that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_aws.sweeper import Sweeper

if TYPE_CHECKING:
    from holdfast_aws.runtime.process import Process

# With every run each walk may go on for so long: in two days that is time for some terabytes.
_WALK_MS_MAX = 60_000


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
        # Timers come first: a walk has days.
        for walk in self._process.ports.walks:
            await walk.go_on(until_ms=self._process.now_ms() + _WALK_MS_MAX)
            # An alarm hears it: journals that nobody passes by for days would expire.
            self._process.telemetry.count("WalksBehind", int(walk.is_behind))
        return {"moved": moved}
