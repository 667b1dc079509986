"""What the demo prints: plain text that somebody who has never seen Holdfast can follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 100


def say(text: str = "") -> None:
    """Print at once, also into a pipe: the demo is watched while it runs."""
    print(text, flush=True)


def heading(number: int, text: str) -> None:
    """Print the title of an act."""
    say()
    say(f"{number}. {text}")


def detail(text: str) -> None:
    """Print a line below a title."""
    say(f"   {text}")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns, each as wide as it needs to be."""
    cells = [[str(cell) for cell in row] for row in [columns, *rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    for number, row in enumerate(cells):
        detail("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            detail("  ".join("-" * width for width in widths))


def journal(entries: Sequence[Mapping[str, Any]]) -> None:
    """Print a journal as the admin API tells it."""
    rows = []
    for entry in entries:
        value = " ".join(str(entry.get("value") or "").split())
        shortened = value if len(value) <= _WIDTH - 44 else f"{value[: _WIDTH - 47]}..."
        rows.append((entry["index"], entry["type"], entry.get("name") or "", shortened))
    table(("#", "entry", "name", "value"), rows)
