"""The `holdfast doctor` command: makes the checks, prints what they find, and ends with 1 if something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from holdfast_cli.clock import now_ms
from holdfast_cli.options import Connection, connection_options, json_option
from holdfast_cli.printing import echo_json, harmless

if TYPE_CHECKING:
    from holdfast_cli.doctor.findings import Finding

_COLOUR_BY_VERDICT = {"ok": "green", "warning": "yellow", "failure": "red"}


@click.command()
@connection_options
@json_option
def doctor(connection: Connection, *, as_json: bool) -> None:
    """Look whether all is well with a server, or with --stack an installation on AWS; exit code 1 says it is not.

    Nothing is changed: on AWS by read-only calls, with your credentials. Warnings are for you to judge.
    """
    found = []
    for each in _findings(connection):
        found.append(each)
        if not as_json:
            _echo(each)
    if as_json:
        echo_json([{"check": each.check, "verdict": each.verdict, "sentence": each.sentence} for each in found])
    if any(each.verdict == "failure" for each in found):
        click.get_current_context().exit(1)


def _findings(connection: Connection) -> Iterator[Finding]:
    # Of what this takes nothing is needed to run any other command.
    from holdfast_cli.doctor.findings import findings_of
    from holdfast_cli.doctor.server_checks import ServerChecks

    if connection.stack is not None:
        yield from _on_aws(connection.stack)
    else:
        yield from findings_of(ServerChecks(connection.client, now_ms=now_ms()).all())


def _on_aws(name: str) -> Iterator[Finding]:
    from holdfast_cli.admin_client import AdminClient
    from holdfast_cli.doctor.findings import findings_of
    from holdfast_cli.doctor.queue_checks import QueueChecks
    from holdfast_cli.doctor.server_checks import ServerChecks
    from holdfast_cli.doctor.stack_checks import StackChecks
    from holdfast_cli.stacks import open_stack, urls_of

    stack = open_stack(name)
    from holdfast_aws.errors import AWS_ERRORS

    server = ServerChecks(lambda: AdminClient(urls_of(stack).admin), now_ms=now_ms())
    at_aws = StackChecks(stack, now_ms=now_ms(), function_arns=server.function_arns)
    queues = QueueChecks(stack, now_ms=now_ms())
    checks = [*at_aws.all(), *queues.all(), *server.all(), *at_aws.of_services()]
    yield from findings_of(checks, foreign=AWS_ERRORS)


def _echo(finding: Finding) -> None:
    verdict = click.style(f"{finding.verdict:<7}", fg=_COLOUR_BY_VERDICT[finding.verdict])
    click.echo(f"{verdict}  {finding.check}: {harmless(finding.sentence)}")
