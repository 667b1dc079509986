"""The `holdfast` command: its groups and commands are named here and live in modules of their own."""

from __future__ import annotations

import click

from holdfast_cli.dev.command import dev
from holdfast_cli.invocations import invocations
from holdfast_cli.recovering import recover
from holdfast_cli.registered import deployments, services


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="holdfast", prog_name="holdfast")
def main() -> None:
    """Durable execution for plain Python functions.

    `holdfast dev` runs everything in one process on this machine; the other commands ask a running server, and
    `holdfast recover` mends an installation on AWS.
    """


main.add_command(dev)
main.add_command(invocations)
main.add_command(services)
main.add_command(deployments)
main.add_command(recover)
