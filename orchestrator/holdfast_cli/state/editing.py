"""`holdfast state edit`: a state in somebody's editor, until it can be stored or is given up."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import click

from holdfast_cli.asking import somebody_is_there
from holdfast_cli.printing import echo_note
from holdfast_cli.problems import RequestFailed, UsageProblem
from holdfast_cli.state.document import DocumentError, text_of, values_of
from holdfast_cli.state.keyed import Named, Read, read, write

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

_ENDING = ".json"


def edit_state(client: AdminClient, named: Named) -> bool:
    """Let somebody edit a state; return whether it was changed.

    Raises:
        UsageProblem: What was written is no state.
        RequestFailed: It was changed by others meanwhile, or is busy.
    """
    before = read(client, named)
    if before.holder is not None:
        echo_note(f"{before.holder} holds this key now: storing is refused while it does.")
    values = _edited(before)
    if values is None or values == dict(before.values):
        return False
    try:
        write(client, named, values, over=before)
    except RequestFailed as error:
        raise RequestFailed(f"{error.message} What you wrote is in {_kept(text_of(values))}.") from error
    return True


def _edited(before: Read) -> dict[str, bytes] | None:
    text = text_of(before.values)
    while True:
        edited = click.edit(text, extension=_ENDING)
        if edited is None:
            return None
        try:
            return values_of(edited, before=before.values)
        except DocumentError as error:
            text = edited
            sentence = f"This cannot be stored: {error}."
            if not somebody_is_there():
                raise UsageProblem(f"{sentence} What you wrote is in {_kept(edited)}.") from error
            click.confirm(f"{sentence} Edit it again?", abort=True, default=True, err=True)


def _kept(text: str) -> str:
    """Keep what somebody wrote, readable for nobody else."""
    descriptor, path = tempfile.mkstemp(prefix="holdfast-state-", suffix=_ENDING)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
