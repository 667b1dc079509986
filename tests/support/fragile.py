"""A store whose process dies or stalls at a chosen operation, for tests of what is left behind."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from holdfast_local.sqlite_store import SqliteStore

# What happens at the operation: the process is gone before it or right after it, or it stalls and comes back later.
Fate = Literal["dies before", "dies after", "stalls before", "stalls after"]


class FragileStore:
    """Lets `operations` operations through; at the next one its process meets its fate.

    A process that is gone or stalled gets no answer to anything any more; a stalled one gets them all at `thaw`.
    """

    def __init__(self, inner: SqliteStore, *, operations: int, fate: Fate) -> None:
        self._inner = inner
        self._left = operations
        self._fate = fate
        self._thawed = asyncio.Event()
        self.has_struck = asyncio.Event()

    def disarm(self) -> None:
        """Let everything through from now on."""
        self._left = 1 << 60

    def thaw(self) -> None:
        """Let a stalled process go on as if nothing had happened."""
        self._thawed.set()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._inner, name)

        async def fragile(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return await operation(*args, **kwargs)
            if self._left == -1 and self._fate.endswith("after"):
                result = await operation(*args, **kwargs)
                await self._strike()
                return result
            await self._strike()
            return await operation(*args, **kwargs)

        return fragile

    async def _strike(self) -> None:
        self.has_struck.set()
        await self._thawed.wait()
