"""The registry as a process last saw it, looked at again every few seconds."""

from __future__ import annotations

from holdfast_engine.registry import Registry
from holdfast_engine.world import World

# So often at most is the registry read again because somebody asked for what is not in it.
_MISS_MS = 500


class RegistryCache:
    """Keeps a world's registry fresh."""

    def __init__(self, world: World, *, seconds: float) -> None:
        self._world = world
        self._milliseconds = int(seconds * 1000)
        self._seen_ms: int | None = None

    async def refresh(self) -> None:
        """Read the registry if the last look is too old."""
        if self._seen_ms is None or self._age_ms() >= self._milliseconds:
            await self._read()

    async def refresh_after_miss(self) -> bool:
        """Read the registry because something is not in it, unless that was done just now; return whether it was."""
        if self._seen_ms is not None and self._age_ms() < _MISS_MS:
            return False
        await self._read()
        return True

    def _age_ms(self) -> int:
        return self._world.clock.now_ms() - (self._seen_ms or 0)

    async def _read(self) -> None:
        now = self._world.clock.now_ms()
        # Made anew and put in place whole: nobody sees half of it, and what was removed is gone.
        self._world.registry = Registry(await self._world.store.deployments())
        self._world.rules = await self._world.store.rules()
        self._seen_ms = now
