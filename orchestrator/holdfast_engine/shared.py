"""Work that several callers at once need done once, each after it has asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Turns:
    """The turns of one name: how many have begun, and the last one that has ended well."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: int = 0
    ended: int = 0
    callers: int = 0


class Shared:
    """One turn at a time for each name; whoever asks during a turn shares the next one with all who do."""

    def __init__(self) -> None:
        self._turns_by_name: dict[str, _Turns] = {}

    async def do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Return once work has been done that began after this was asked for, by this caller or by another one.

        A turn that fails is its caller's alone: the next in line has another one.
        """
        turns = self._turns_by_name.setdefault(name, _Turns())
        turns.callers += 1
        own = turns.begun + 1
        try:
            async with turns.lock:
                if turns.ended < own:
                    turns.begun = began = turns.begun + 1
                    await work()
                    turns.ended = began
        finally:
            turns.callers -= 1
            if turns.callers == 0:
                del self._turns_by_name[name]
