"""The small ports: blobs, the clock, the dice."""

from __future__ import annotations

from typing import Protocol


class Blobs(Protocol):
    """Values too large for a journal page; content-addressed, so that writing twice is harmless."""

    async def put(self, invocation_id: str, name: str, content: bytes) -> None:
        """Store a blob durably."""
        ...

    async def get(self, invocation_id: str, name: str) -> bytes:
        """Return a blob."""
        ...

    async def forget(self, invocation_id: str) -> None:
        """Delete all blobs of an invocation."""
        ...


class Clock(Protocol):
    """Time comes in as an argument."""

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        ...


class Dice(Protocol):
    """Randomness comes in as an argument."""

    def entropy(self, size: int) -> bytes:
        """Return random bytes."""
        ...

    def jitter(self) -> float:
        """Return a number in [0, 1)."""
        ...
