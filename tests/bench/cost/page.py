"""The page that says what a run costs: its table is printed from counted requests."""

from __future__ import annotations

import re

from tests.support.tree import ROOT

PAGE = ROOT / "docs" / "cost.md"

_BEGIN = "<!-- printed by `python -m tests.bench.cost` -->\n"
_END = "\n<!-- end -->"


def with_table(text: str, table: str) -> str:
    """Return the page with another table."""
    before, _, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert end, f"the page has no printed part between {_BEGIN.strip()!r} and {_END.strip()!r}"
    return f"{before}{_BEGIN}{table}{_END}{after}"


def figures(text: str) -> dict[str, list[float]]:
    """Return the numbers of each row of a table, or of the page with one, by the row's title."""
    table = text.partition(_BEGIN)[2].partition(_END)[0] or text
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in table.splitlines()[2:]]
    return {title.strip("*"): [float(cell.strip("*")) for cell in cells if cell] for title, *cells in rows}
