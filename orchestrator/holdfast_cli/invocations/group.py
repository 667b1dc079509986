"""The group `holdfast invocations`: its commands are named here and live in modules of their own."""

from __future__ import annotations

import click

from holdfast_cli.invocations import operating
from holdfast_cli.invocations.describing import describe
from holdfast_cli.invocations.listing import list_invocations
from holdfast_cli.invocations.tailing import tail


@click.group()
def invocations() -> None:
    """Find invocations, follow them and operate them, one or many."""


for _command in (list_invocations, describe, tail, *operating.COMMANDS):
    invocations.add_command(_command)
