"""The outside world of the examples: no network, only a memory of what the steps did to it.

Every effect on the world is one line, kept in memory and, where HOLDFAST_EXAMPLES_LOG names a file, in that file too,
so that it outlives a server that is killed. HOLDFAST_EXAMPLES_PACE_S makes each effect take that many seconds; the
line is written at the end of them, so an effect that was interrupted has left no line.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_effects: list[str] = []


def happened(effect: str) -> None:
    """Let an effect on the world take its time, and remember it."""
    time.sleep(float(os.environ.get("HOLDFAST_EXAMPLES_PACE_S", "0")))
    _effects.append(effect)
    log = os.environ.get("HOLDFAST_EXAMPLES_LOG")
    if log:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(effect + "\n")


def effects() -> list[str]:
    """Return the effects this process has had on the world, oldest first."""
    return list(_effects)


def forget() -> None:
    """Begin with an untouched world."""
    _effects.clear()
