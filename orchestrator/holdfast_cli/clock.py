"""The clock of this machine, and times of a server as people say them."""

from __future__ import annotations

import time
from datetime import datetime

# Two of a unit say more than one of the next: "90 s ago", "36 h ago".
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


def age(moment: str, *, now_ms: int) -> str:
    """Return how long ago a time of RFC 3339 is; what is still to come is now, because clocks differ a little."""
    seconds = max(0, now_ms // 1_000 - int(datetime.fromisoformat(moment).timestamp()))
    unit, length = next((each for each in _UNITS if seconds >= 2 * each[1]), _UNITS[-1])
    return f"{seconds // length} {unit} ago"


def local_time(moment: str) -> str:
    """Return a time of RFC 3339 as this machine's clocks show it; unchanged when it is none."""
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return moment
