"""What commands print: JSON, tables, notes; and values of others made harmless for a terminal."""

from __future__ import annotations

import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence

import click

_GAP = 2
# With less of it the last column says nothing.
_LAST_WIDTH_MIN = 24


# Control characters, among them the one that begins a terminal's commands, and those that turn the direction of text.
_COMMANDING = frozenset(("Cc", "Cf", "Cs"))


def echo_json(content: object) -> None:
    """Print JSON for programs and curious people."""
    click.echo(_spelled(json.dumps(content, indent=2, ensure_ascii=False)))


def echo_json_line(content: object) -> None:
    """Print JSON on one line, one of many."""
    click.echo(_spelled(json.dumps(content, ensure_ascii=False)))


def echo_note(sentence: str) -> None:
    """Say something beside the result, on stderr, so that a program that reads the result does not get it."""
    click.echo(sentence, err=True)


def echo_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: on a terminal its last column is cut to what is left of a line, and else nothing is."""
    cells = [[harmless(cell) for cell in row] for row in rows]
    click.echo(_drawn(titles, cells) if sys.stdout.isatty() else _plain(titles, cells))


def _plain(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return columns for the next program, which may be many: a page of a thousand takes a few milliseconds."""
    lines = [titles, *cells]
    widths = [max(map(len, column)) + _GAP for column in zip(*lines, strict=True)]
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _drawn(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return a table for people."""
    # A tenth of a second, which a command that prints no table need not pay.
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    widths = [max(map(cell_len, column)) + _GAP for column in zip(titles, *cells, strict=True)]
    # What is copied, such as an id, stays whole; a terminal that is too narrow for that folds the line itself.
    widths[-1] = min(widths[-1], max(_terminal_width() - sum(widths[:-1]), _LAST_WIDTH_MIN))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for title, width in zip(titles, widths, strict=True):
        table.add_column(Text(title), width=width - _GAP, overflow="ellipsis", no_wrap=True)
    for row in cells:
        table.add_row(*map(Text, row))
    drawn = io.StringIO()
    Console(file=drawn, width=sum(widths), force_terminal=True, emoji=False).print(table)
    # The rest of each line is blank.
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines())


def harmless(text: str) -> str:
    """Return text on one line, without what makes a terminal do things."""
    line = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(each) in _COMMANDING else each for each in line)


def somebody_is_watching() -> bool:
    """Return whether there is anybody to show progress to."""
    return sys.stderr.isatty()


def _spelled(text: str) -> str:
    """Return JSON in which what a terminal would obey is spelled out; it only occurs in strings."""
    return "".join(
        f"\\u{ord(each):04x}" if unicodedata.category(each) in _COMMANDING and each != "\n" else each for each in text
    )


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return 80
