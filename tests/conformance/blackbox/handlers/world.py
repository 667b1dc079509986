"""What handlers do to the world outside: lines in a file, which the cases read."""

from __future__ import annotations

import os
from pathlib import Path

LOG = "HOLDFAST_BLACKBOX_LOG"


def note(line: str) -> None:
    """Append a line; one write, so that lines of several processes never mix."""
    descriptor = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def noted(line: str) -> int:
    """Return how often a line was noted."""
    path = Path(os.environ[LOG])
    return path.read_text(encoding="utf-8").splitlines().count(line) if path.exists() else 0
