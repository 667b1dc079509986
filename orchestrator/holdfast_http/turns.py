"""Giving way: the embedded store answers without waiting, so a long read would hold up everything else on the loop."""

from __future__ import annotations

import asyncio

# About as long as a pause that nobody notices.
_HELD_SECONDS_MAX = 0.005


class Turns:
    """Lets others have their turn whenever this task has held the loop for a while."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self.began = self._loop.time()

    @property
    def seconds(self) -> float:
        """How long ago this began."""
        return self._loop.time() - self.began

    async def give_way(self) -> None:
        """Return at once, or after others had their turn."""
        if self._loop.time() - self._since > _HELD_SECONDS_MAX:
            await asyncio.sleep(0)
            self._since = self._loop.time()
