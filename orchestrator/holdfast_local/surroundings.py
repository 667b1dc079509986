"""The clock and the dice of the real world."""

from __future__ import annotations

import os
import random
import time


class SystemClock:
    """Wall-clock time."""

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return time.time_ns() // 1_000_000


class SystemDice:
    """The operating system's randomness for ids; a plain generator for jitter."""

    def entropy(self, size: int) -> bytes:
        """Return random bytes."""
        return os.urandom(size)

    def jitter(self) -> float:
        """Return a number in [0, 1)."""
        return random.random()
