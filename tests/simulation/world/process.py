"""A simulated process: work that shares a memory, a clock that goes wrong, and a life that ends at any await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from enum import Enum
from typing import Any

from tests.simulation.world.loop import CURRENT, SimLoop, SimTask, close_all


class Life(Enum):
    """Whether code runs in a process."""

    ALIVE = "alive"
    FROZEN = "frozen"
    DEAD = "dead"


class ProcessDied(BaseException):
    """A port was used while a dead process was cleared away: nobody is there to do it."""


class Process:
    """One process. `deadline_s` is when it is killed at the latest, as Lambda kills a function at its time-out."""

    def __init__(self, loop: SimLoop, *, name: str, skew_ms: int, deadline_s: float | None) -> None:
        self.loop = loop
        self.name = name
        self.skew_ms = skew_ms
        self.deadline_s = deadline_s
        self.life = Life.ALIVE
        self.has_crashed = False
        self.tasks: list[SimTask] = []
        self.on_death: list[Callable[[], None]] = []
        self._held: list[asyncio.Handle] = []
        self._context = copy_context()
        self._context.run(CURRENT.set, self)
        loop.add_process(self)
        if deadline_s is not None:
            loop.in_the_world(deadline_s - loop.now_s, self.crash)

    def __repr__(self) -> str:
        return self.name

    @property
    def is_dead(self) -> bool:
        """Whether nothing runs here any more."""
        return self.life is Life.DEAD

    def spawn(self, work: Coroutine[Any, Any, Any]) -> SimTask:
        """Start work in this process."""
        return self.loop.create_task(work, context=self._context.copy())

    def admits(self, handle: asyncio.Handle) -> bool:
        """Return whether a callback may run now; one of a frozen process is kept until it thaws."""
        if self.life is Life.ALIVE:
            return True
        if self.life is Life.FROZEN:
            self._held.append(handle)
        return False

    def freeze(self, seconds: float) -> None:
        """Stop running until some time has passed."""
        if self.life is Life.ALIVE:
            self.life = Life.FROZEN
            self.loop.in_the_world(seconds, self._thaw)

    def crash(self) -> None:
        """Be killed in the middle of something."""
        if self.life is not Life.DEAD:
            self.has_crashed = True
            self.end()

    def end(self) -> None:
        """End at once: not a line of code runs any more, and what was not sent is never sent."""
        if self.life is Life.DEAD:
            return
        self.life = Life.DEAD
        self._held.clear()
        # Later, because a task of this very process may be what is running now.
        self.loop.in_the_world(0.0, self.bury)
        for callback in self.on_death:
            callback()

    def bury(self) -> None:
        """Close what is left of this process."""
        self.life = Life.DEAD
        close_all(self.tasks)

    def check_alive(self) -> None:
        """Raise unless somebody is there to use a port."""
        if self.life is Life.DEAD:
            raise ProcessDied(self.name)

    async def die(self) -> None:
        """End here: this never returns."""
        self.crash()
        await self.loop.create_future()

    def _thaw(self) -> None:
        if self.life is Life.FROZEN:
            self.life = Life.ALIVE
            held, self._held = self._held, []
            self.loop.release(held)
