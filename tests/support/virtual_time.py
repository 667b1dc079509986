"""Virtual time for tests of the engine: when nothing can run, the clock leaps to the next timer."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec

P = ParamSpec("P")

EPOCH_MS = 1_800_000_000_000
# No test is about more than a few weeks of virtual time; one that waits for what never comes ends here.
_LIMIT_S = 400 * 24 * 3600


class NothingLeft(Exception):
    """Everything waits, and no timer is armed: what the test waits for will never come."""


class _LeapingSelector(selectors.DefaultSelector):
    """Leaps over the time that the loop would have waited."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None or self.now_s > _LIMIT_S:
            raise NothingLeft
        self.now_s += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when there is nothing else to do."""

    def __init__(self) -> None:
        self._virtual = _LeapingSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


class VirtualClock:
    """The engine's clock over the running loop's virtual time."""

    def now_ms(self) -> int:
        return EPOCH_MS + round(asyncio.get_running_loop().time() * 1000)


def in_virtual_time(test: Callable[P, Awaitable[Any]]) -> Callable[P, None]:
    """Make an async test a plain one that runs on a virtual loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def body() -> None:
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(body())

    return run
