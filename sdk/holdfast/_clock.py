"""The clock that durable times are taken from."""

from __future__ import annotations

from datetime import timedelta
from time import time

_MS_PER_S = 1000


def now_ms() -> int:
    """Return the time, in milliseconds since the epoch."""
    return int(time() * _MS_PER_S)


def at_ms(delay: timedelta) -> int:
    """Return the time after a delay, in milliseconds since the epoch; a negative delay is none."""
    return now_ms() + max(0, int(delay.total_seconds() * _MS_PER_S))
