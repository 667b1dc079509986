"""`holdfast services`: what can be called, and options that are changed without a new deployment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.options import admin_options, json_option
from holdfast_cli.printing import echo_json, echo_note, echo_table, harmless
from holdfast_cli.problems import UsageProblem

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

# The version of the admin API whose answers these commands read.
_API = "v3"
_OPTIONS = (
    "public",
    "idempotency_retention",
    "workflow_completion_retention",
    "journal_retention",
    "inactivity_timeout",
    "abort_timeout",
    "enable_lazy_state",
)


@click.group()
def services() -> None:
    """See what can be called, and change how."""


@services.command("list")
@admin_options
@json_option
def list_services(client: AdminClient, *, as_json: bool) -> None:
    """List the services and their handlers."""
    answer = client.request("GET", _API, "services")
    if as_json:
        echo_json(answer)
    elif not answer["services"]:
        echo_note("No services are registered; `holdfast deployments register` does that.")
    else:
        echo_table(("SERVICE", "KIND", "REVISION", "HANDLERS"), map(service_row, answer["services"]))


@services.command()
@click.argument("name")
@admin_options
@json_option
def describe(name: str, client: AdminClient, *, as_json: bool) -> None:
    """Show a service: its handlers with what they take and return, and its options."""
    answer = client.request("GET", _API, "services", name)
    if as_json:
        echo_json(answer)
    else:
        _echo_service(answer)


@services.command("set")
@click.argument("name")
@click.option("--public/--private", "public", default=None, help="Whether clients may call it, or only handlers.")
@click.option("--idempotency-retention", metavar="DURATION", help="How long results are kept for idempotency keys.")
@click.option("--workflow-completion-retention", metavar="DURATION", help="How long workflows are kept.")
@click.option("--journal-retention", metavar="DURATION", help="How long journals are kept of what has ended.")
@click.option("--inactivity-timeout", metavar="DURATION", help="When an attempt that waits is asked to suspend.")
@click.option("--abort-timeout", metavar="DURATION", help="How long after that it is given up.")
@admin_options
@json_option
def set_options(name: str, client: AdminClient, *, as_json: bool, **options: bool | str | None) -> None:
    """Change options of a service, until its next revision is registered."""
    changed = {option: value for option, value in options.items() if value is not None}
    if not changed:
        raise UsageProblem("Say what to change, such as --private or --journal-retention 7d; --help lists the options.")
    answer = client.request("PATCH", _API, "services", name, body=changed)
    if as_json:
        echo_json(answer)
    else:
        _echo_service(answer)


def service_row(service: dict[str, Any]) -> tuple[str, ...]:
    """Return a service as a line of a table has it."""
    handlers = ", ".join(handler["name"] for handler in service["handlers"])
    return (service["name"], service["ty"], str(service["revision"]), handlers)


def _echo_service(service: dict[str, Any]) -> None:
    click.echo(f"{service['name']}  {service['ty']}  revision {service['revision']}  {service['deployment_id']}")
    if service.get("documentation"):
        click.echo(f"  {harmless(service['documentation'])}")
    click.echo()
    for option in _OPTIONS:
        if service.get(option) is not None:
            click.echo(f"  {option:<30} {json.dumps(service[option]).strip(chr(34))}")
    retry = ", ".join(f"{name} {value}" for name, value in service["retry_policy"].items() if value is not None)
    click.echo(f"  {'retry_policy':<30} {retry}\n")
    echo_table(("HANDLER", "KIND", "TAKES", "RETURNS"), map(_handler_row, service["handlers"]))


def _handler_row(handler: dict[str, Any]) -> tuple[str, ...]:
    return (handler["name"], handler["ty"] or "", handler["input_description"], handler["output_description"])
