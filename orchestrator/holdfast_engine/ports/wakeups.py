"""The `Wakeups` port: messages and timers."""

from __future__ import annotations

from typing import Protocol

from holdfast_engine.records import KeyRef


class Wakeups(Protocol):
    """Messages that carry nothing but a name; losing, doubling, delaying or reordering one is harmless."""

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        """Have the invocation advanced, now or not before a time."""
        ...

    async def watchdog(self, invocation_id: str) -> None:
        """Have it looked at once this process must be finished or dead (rules O-1 and O-2)."""
        ...

    async def announce(self, invocation_id: str) -> bool:
        """Have an invocation advanced that is about to be created and left to others; return whether this can be said.

        The one message stands for a watchdog and a wake-up: it comes at once, and until this process must be finished
        or dead it comes back for as long as there is no such invocation. Where that cannot be said, nothing is done.
        """
        ...

    async def check_key(self, key: KeyRef, *, not_before_ms: int | None) -> None:
        """Have the queue of a key looked at."""
        ...

    async def settled(self, invocation_id: str) -> None:
        """Say that all that follows from a completed invocation has been done, so no restart need look at it.

        Where a real message is under way for that (a watchdog on SQS), this does nothing.
        """
        ...
