"""`holdfast invocations describe`: one invocation, where it stands, why, and its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from holdfast_cli.invocations.text import invocation_text
from holdfast_cli.options import admin_options, json_option
from holdfast_cli.printing import echo_json

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient


@click.command()
@click.argument("invocation_id", metavar="ID")
@click.option("--whole", "is_whole", is_flag=True, help="Show values at length.")
@admin_options
@json_option
def describe(invocation_id: str, client: AdminClient, *, is_whole: bool, as_json: bool) -> None:
    """Show where an invocation stands, what it waits for, and its journal."""
    query = {"values": "whole"} if is_whole else None
    answer = client.request("GET", "invocations", invocation_id, query=query)
    if as_json:
        echo_json(answer)
    else:
        click.echo(invocation_text(answer, is_whole=is_whole))
