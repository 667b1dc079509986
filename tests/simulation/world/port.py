"""What every simulated port has in common: each operation takes time, and any of them may fail in many ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

from holdfast_engine.errors import StoreUnreachable, Unavailable
from tests.simulation.history import History
from tests.simulation.world.faults import Fault, Faults, Kind, Site
from tests.simulation.world.process import Process

T = TypeVar("T")

# A stall is about as long as a lease, sometimes much longer.
STALL_S_MAX = 45.0
# How often an operation's answer takes time of its own: it only matters to what else its process does meanwhile.
_LATE_ANSWERS = 0.2


class Throttled(Unavailable):
    """The store has had too many requests."""


class Latency:
    """How long operations take: mostly little, so that many orders are equally likely, and now and then long."""

    def __init__(self, dice: Random, *, scale_s: float) -> None:
        self._random = dice.random
        self._scale_s = scale_s

    def short(self) -> float:
        """Return a duration in seconds."""
        draw = self._random()
        # One in twenty takes up to fifty times as long.
        return draw * self._scale_s if draw < 0.95 else (draw - 0.95) * 1000 * self._scale_s

    def is_late(self) -> bool:
        """Return whether an answer takes time as well."""
        return self._random() < _LATE_ANSWERS


class Port:
    """One process's access to something outside of it."""

    def __init__(self, process: Process, *, faults: Faults, latency: Latency, history: History) -> None:
        self.process = process
        self._faults = faults
        self._latency = latency
        self._history = history

    async def _do(self, site: Site, what: str, effect: Callable[[], T]) -> T:
        """Carry out an operation; `effect` is atomic."""
        process = self.process
        process.check_alive()
        fault = self._faults.draw(site)
        await asyncio.sleep(self._latency.short())
        if fault is not None:
            await self._before(fault, what)
            if fault.kind is Kind.DROPPED:
                self._history.add(f"{what}: dropped, and nobody knows")
                return None  # type: ignore[return-value]
        result = effect()
        note = "" if fault is None else f" ({fault.kind})"
        self._history.add(f"{what}{note} -> {_shown(result)}")
        if fault is not None:
            if fault.kind is Kind.REPEATED:
                await asyncio.sleep(self._latency.short())
                result = effect()
                self._history.add(f"{what} again -> {_shown(result)}")
            await self._after(fault, what)
        if self._latency.is_late():
            await asyncio.sleep(self._latency.short())
        return result

    async def _before(self, fault: Fault, what: str) -> None:
        match fault.kind:
            case Kind.CRASH_BEFORE:
                self._history.add(f"{what}: crash before")
                await self.process.die()
            case Kind.LOST:
                self._history.add(f"{what}: lost")
                raise StoreUnreachable(f"{what} was lost")
            case Kind.THROTTLED:
                self._history.add(f"{what}: throttled")
                raise Throttled(f"{what} was throttled")
            case Kind.STALL_BEFORE:
                await self._stall(fault, what)

    async def _after(self, fault: Fault, what: str) -> None:
        match fault.kind:
            case Kind.CRASH_AFTER:
                self._history.add(f"{what}: crash after")
                await self.process.die()
            case Kind.UNKNOWN:
                raise StoreUnreachable(f"nobody knows whether {what} took effect")
            case Kind.STALL_AFTER:
                await self._stall(fault, what)

    async def _stall(self, fault: Fault, what: str) -> None:
        seconds = STALL_S_MAX * fault.amount
        self._history.add(f"{what}: stalls for {seconds:.1f} s")
        self.process.freeze(seconds)
        # The process is frozen from here on; a callback that is ready comes after the thaw.
        await asyncio.sleep(0)


def _shown(result: object) -> str:
    """Return an answer in a few words."""
    if result is None or isinstance(result, bool | int | str):
        return str(result)
    epoch = getattr(result, "epoch", None)
    name = type(result).__name__
    return f"{name} e{epoch}" if epoch is not None else name
