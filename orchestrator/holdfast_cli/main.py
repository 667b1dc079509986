"""The `holdfast` command: its groups and commands are named here and live in modules of their own."""

from __future__ import annotations

import click

from holdfast_cli.calling import call, send
from holdfast_cli.completion import completion
from holdfast_cli.deployments import deployments
from holdfast_cli.dev.command import dev
from holdfast_cli.doctor.command import doctor
from holdfast_cli.invocations.group import invocations
from holdfast_cli.recovering import recover
from holdfast_cli.services import services
from holdfast_cli.sql import sql
from holdfast_cli.state.group import state


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="holdfast", prog_name="holdfast")
def main() -> None:
    """Durable execution for plain Python functions.

    `holdfast dev` runs everything in one process on this machine; the other commands ask a running server, here or on
    AWS, and `holdfast recover` mends an installation on AWS. Exit codes: 1 when it failed, 2 when it cannot be done as
    asked.
    """


for _command in (
    dev,
    call,
    send,
    invocations,
    services,
    deployments,
    state,
    sql,
    doctor,
    recover,
    completion,
):
    main.add_command(_command)
