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

    async def check_key(self, key: KeyRef, *, not_before_ms: int | None) -> None:
        """Have the queue of a key looked at."""
        ...

    async def settled(self, invocation_id: str) -> None:
        """Say that all that follows from a completed invocation has been done, so no restart need look at it.

        Where a real message is under way for that (a watchdog on SQS), this does nothing.
        """
        ...
