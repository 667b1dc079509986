"""What commands print: JSON, tables, notes; and values of others made harmless for a terminal."""

from __future__ import annotations

import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence

import click

# In a pipe or a file nothing is cut: whoever wants less says so with the next program.
_WIDTH_OF_A_FILE = 1_000_000
# Narrower than this no table is worth its name.
_WIDTH_MIN = 40


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
    """Print a table: on a terminal as wide as that, else as wide as it takes."""
    # A tenth of a second, which a command that prints no table need not pay.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    *others, last = titles
    for title in others:
        # What is copied, such as an id, is folded rather than cut.
        table.add_column(Text(title), overflow="fold")
    table.add_column(Text(last), overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*[Text(harmless(cell)) for cell in row])
    drawn = io.StringIO()
    is_terminal = sys.stdout.isatty()
    console = Console(
        file=drawn, width=_width() if is_terminal else _WIDTH_OF_A_FILE, force_terminal=is_terminal, emoji=False
    )
    console.print(table)
    # The rest of each line is blank.
    click.echo("\n".join(line.rstrip() for line in drawn.getvalue().splitlines()))


def harmless(text: str) -> str:
    """Return text on one line, without what makes a terminal do things."""
    line = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(each) in _COMMANDING else each for each in line)


def somebody_is_there() -> bool:
    """Return whether there is anybody to ask."""
    return sys.stdin.isatty()


def somebody_is_watching() -> bool:
    """Return whether there is anybody to show progress to."""
    return sys.stderr.isatty()


def _spelled(text: str) -> str:
    """Return JSON in which what a terminal would obey is spelled out; it only occurs in strings."""
    return "".join(
        f"\\u{ord(each):04x}" if unicodedata.category(each) in _COMMANDING and each != "\n" else each for each in text
    )


def _width() -> int:
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, _WIDTH_MIN)
    except OSError:
        return 80
