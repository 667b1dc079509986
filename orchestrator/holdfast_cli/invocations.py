"""`holdfast invocations`: look at one, and operate it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from holdfast_cli.admin_client import AdminClient
from holdfast_cli.invocation_text import invocation_text
from holdfast_cli.options import admin_url_option, echo_json, json_option

_ENDED = {
    "done": "{id} has ended.",
    "appended": "{id} has been asked to end; its handler sees that at its next await.",
}
_PAUSED = {
    "done": "{id} is paused; `holdfast invocations resume` lets it go on.",
    "already-paused": "{id} was paused already.",
}
_deployment_option = click.option(
    "--deployment", metavar="WHICH", help="keep, latest, or a deployment's id: what it runs on from here."
)


@click.group()
def invocations() -> None:
    """Look at invocations and operate them."""


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
    _echo_outcome(client.request("PATCH", "invocations", invocation_id, "cancel"), _ENDED, as_json=as_json)


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@admin_url_option
@json_option
def kill(invocation_id: str, client: AdminClient, *, as_json: bool) -> None:
    """End an invocation at once, together with the invocations it waits for; its handler gets no say."""
    _echo_outcome(client.request("PATCH", "invocations", invocation_id, "kill"), _ENDED, as_json=as_json)


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@admin_url_option
@json_option
def pause(invocation_id: str, client: AdminClient, *, as_json: bool) -> None:
    """Stop an invocation where it is, until it is resumed."""
    _echo_outcome(client.request("PATCH", "invocations", invocation_id, "pause"), _PAUSED, as_json=as_json)


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@_deployment_option
@admin_url_option
@json_option
def resume(invocation_id: str, client: AdminClient, deployment: str | None, *, as_json: bool) -> None:
    """Let an invocation go on that is paused, or waits for its next retry.

    Its retries begin anew.
    """
    answer = client.request("PATCH", "invocations", invocation_id, "resume", query=_said(deployment=deployment))
    _echo_outcome(answer, {"done": "{id} goes on."}, as_json=as_json)


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@click.option("--from", "from_index", type=click.IntRange(min=0), help="The last journal entry to take over; 0: input.")
@_deployment_option
@admin_url_option
@json_option
def restart(
    invocation_id: str, client: AdminClient, from_index: int | None, deployment: str | None, *, as_json: bool
) -> None:
    """Run an invocation that has ended again, as a new one."""
    query = _said(**{"from": from_index, "deployment": deployment})
    answer = client.request("PATCH", "invocations", invocation_id, "restart-as-new", query=query)
    if as_json:
        echo_json(answer)
    else:
        click.echo(f"{invocation_id} runs again as {answer['new_invocation_id']}.")


@invocations.command()
@click.argument("invocation_id", metavar="ID")
@click.option("--journal", "is_journal", is_flag=True, help="Forget only the journal, and keep the outcome.")
@admin_url_option
@json_option
def purge(invocation_id: str, client: AdminClient, *, is_journal: bool, as_json: bool) -> None:
    """Forget an invocation that has ended."""
    verb = "purge-journal" if is_journal else "purge"
    sentence = "The journal of {id} is forgotten." if is_journal else "{id} is forgotten."
    _echo_outcome(client.request("PATCH", "invocations", invocation_id, verb), {"done": sentence}, as_json=as_json)


def _said(**values: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _echo_outcome(answer: dict[str, Any], sentences: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        echo_json(answer)
    else:
        click.echo(sentences[answer["outcome"]].format(id=answer["invocation_id"]))
