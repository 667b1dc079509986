"""`holdfast invocations`: look at one, or end it."""

from __future__ import annotations

from typing import Any

import click

from holdfast_cli.admin_client import AdminClient
from holdfast_cli.invocation_text import invocation_text
from holdfast_cli.options import admin_url_option, echo_json, json_option

_SENTENCES = {
    "done": "{id} has ended.",
    "appended": "{id} has been asked to end; its handler sees that at its next await.",
    "already-completed": "{id} had completed already; nothing changed.",
}


@click.group()
def invocations() -> None:
    """Look at invocations and end them."""


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@admin_url_option
@json_option
def describe(invocation_id: str, client: AdminClient, *, as_json: bool) -> None:
    """Show where an invocation stands, and its journal."""
    answer = client.request("GET", "invocations", invocation_id)
    if as_json:
        echo_json(answer)
    else:
        click.echo(invocation_text(answer))


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@admin_url_option
@json_option
def cancel(invocation_id: str, client: AdminClient, *, as_json: bool) -> None:
    """Ask an invocation to end.

    Its handler sees a terminal error at its next await and can undo what it did. The invocations it waits for are
    cancelled first; what it has sent goes on.
    """
    _echo_outcome(client.request("PATCH", "invocations", invocation_id, "cancel"), as_json=as_json)


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@admin_url_option
@json_option
def kill(invocation_id: str, client: AdminClient, *, as_json: bool) -> None:
    """End an invocation at once, together with the invocations it waits for; its handler gets no say."""
    _echo_outcome(client.request("PATCH", "invocations", invocation_id, "kill"), as_json=as_json)


def _echo_outcome(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        echo_json(answer)
    else:
        click.echo(_SENTENCES[answer["outcome"]].format(id=answer["invocation_id"]))
