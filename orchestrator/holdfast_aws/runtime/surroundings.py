"""The clock and the dice of a Lambda function."""

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
    """The operating system's randomness, read anew each time: a snapshot of a process must not throw the same twice."""

    def entropy(self, size: int) -> bytes:
        """Return random bytes."""
        return os.urandom(size)

    def jitter(self) -> float:
        """Return a number in [0, 1)."""
        return random.SystemRandom().random()
