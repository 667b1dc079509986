"""Asking whoever is at the terminal whether something is meant."""

from __future__ import annotations

import sys

import click

from holdfast_cli.problems import UsageProblem


def somebody_is_there() -> bool:
    """Return whether there is anybody to ask."""
    return sys.stdin.isatty()


def ask(question: str) -> None:
    """Return when the answer is yes; for commands that have --yes.

    Raises:
        UsageProblem: Nobody is there.
        Abort: The answer is no.
    """
    if not somebody_is_there():
        raise UsageProblem(f"{question} Nobody is here to answer: say --yes if that is meant.")
    click.confirm(question, abort=True, err=True)
