"""`holdfast deployments`: what is registered, registering more, and removing what nothing runs on any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.asking import ask
from holdfast_cli.options import admin_options, json_option, yes_option
from holdfast_cli.pairs import headers_of, named_values
from holdfast_cli.printing import echo_json, echo_note, echo_table, harmless
from holdfast_cli.services import service_row

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

# The version of the admin API whose answers these commands read.
_API = "v3"
_FACTS = (
    "protocol_type",
    "http_version",
    "sdk_version",
    "created_at",
    "assume_role_arn",
    "additional_headers",
    "metadata",
)


@click.group()
def deployments() -> None:
    """See, register and remove the endpoints that serve handlers."""


@deployments.command("list")
@click.option("--status", "has_status", is_flag=True, help="Look whether anything still runs on each.")
@admin_options
@json_option
def list_deployments(client: AdminClient, *, has_status: bool, as_json: bool) -> None:
    """List the registered deployments, oldest first."""
    # That takes a look at all that has not ended.
    answer = client.request("GET", _API, "deployments", query={"include": "status"} if has_status else None)
    if as_json:
        echo_json(answer)
    elif not answer["deployments"]:
        echo_note("No deployments are registered; `holdfast deployments register` does that.")
    else:
        titles = ("ID", "ADDRESS", *(["STATUS"] if has_status else []), "SERVICES")
        echo_table(titles, map(_row, answer["deployments"]))


@deployments.command()
@click.argument("deployment_id", metavar="ID")
@admin_options
@json_option
def describe(deployment_id: str, client: AdminClient, *, as_json: bool) -> None:
    """Show a deployment: where it is, what it speaks, and what it serves."""
    answer = client.request("GET", _API, "deployments", deployment_id)
    if as_json:
        echo_json(answer)
        return
    click.echo(f"{answer['id']}  {_address(answer)}\n")
    for name in _FACTS:
        if answer.get(name):
            click.echo(f"  {name:<19} {harmless(str(answer[name]))}")
    click.echo(f"  {'protocol versions':<19} {answer['min_protocol_version']} to {answer['max_protocol_version']}\n")
    _echo_services(answer)


@deployments.command()
@click.argument("address", metavar="URI_OR_ARN")
@click.option("--use-http1.1", "use_http_11", is_flag=True, help="Speak HTTP/1.1 only; otherwise both are tried.")
@click.option("--force", is_flag=True, help="Replace the deployment if that address is registered already.")
@click.option("--breaking", is_flag=True, help="Allow a service to change its kind.")
@click.option("--dry-run", is_flag=True, help="Ask the endpoint and check, but register nothing.")
@click.option(
    "--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="Sent with every request to it."
)
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Kept with the deployment; repeatable.")
@click.option("--assume-role-arn", metavar="ARN", help="The role by which a function is called.")
@admin_options
@json_option
def register(
    address: str,
    client: AdminClient,
    headers: tuple[str, ...],
    metadata: tuple[str, ...],
    assume_role_arn: str | None,
    *,
    as_json: bool,
    **flags: bool,
) -> None:
    """Register the endpoint at a URI, such as http://127.0.0.1:9080, or a Lambda function's version by its ARN."""
    wanted: dict[str, Any] = {name: True for name, is_set in flags.items() if is_set}
    # Which SDK is behind it, and in which language, makes no difference.
    wanted["arn" if address.startswith("arn:") else "uri"] = address
    named = {"additional_headers": headers_of(headers), "metadata": named_values(metadata, option="--metadata")}
    wanted |= {name: pairs for name, pairs in named.items() if pairs}
    if assume_role_arn is not None:
        wanted["assume_role_arn"] = assume_role_arn
    answer = client.request("POST", _API, "deployments", body={"force": False, **wanted})
    if as_json:
        echo_json(answer)
        return
    click.echo(f"{answer['id']} serves:" if not flags["dry_run"] else "It could be registered. It serves:")
    _echo_services(answer)


@deployments.command()
@click.argument("deployment_id", metavar="ID")
@click.option("--force", is_flag=True, help="Remove it although something runs on it, which then cannot go on.")
@yes_option
@admin_options
@json_option
def remove(deployment_id: str, client: AdminClient, *, force: bool, is_sure: bool, as_json: bool) -> None:
    """Remove a deployment on which nothing runs any more."""
    if force and not is_sure:
        ask(f"What runs on {deployment_id} cannot go on without it. Remove it?")
    client.request("DELETE", _API, "deployments", deployment_id, query={"force": "true"} if force else None)
    if as_json:
        echo_json({"removed": deployment_id})
    else:
        click.echo(f"{deployment_id} is removed.")


def _row(deployment: dict[str, Any]) -> tuple[str, ...]:
    names = ", ".join(f"{service['name']} (revision {service['revision']})" for service in deployment["services"])
    status = (deployment["status"],) if "status" in deployment else ()
    return (deployment["id"], _address(deployment), *status, names)


def _address(deployment: dict[str, Any]) -> str:
    return harmless(deployment.get("uri") or deployment.get("arn") or "")


def _echo_services(deployment: dict[str, Any]) -> None:
    echo_table(("SERVICE", "KIND", "REVISION", "HANDLERS"), map(service_row, deployment["services"]))
