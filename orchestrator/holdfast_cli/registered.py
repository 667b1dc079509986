"""`holdfast services` and `holdfast deployments`: what is registered, and registering more."""

from __future__ import annotations

from typing import Any

import click

from holdfast_cli.admin_client import AdminClient
from holdfast_cli.options import admin_url_option, echo_json, json_option

# The version of the admin API whose answers these commands read.
_API = "v3"


@click.group()
def services() -> None:
    """See what can be called."""


@services.command("list")
@admin_url_option
@json_option
def list_services(client: AdminClient, *, as_json: bool) -> None:
    """List the services and their handlers."""
    answer = client.request("GET", _API, "services")
    if as_json:
        echo_json(answer)
        return
    if not answer["services"]:
        click.echo("No services are registered.")
    for service in answer["services"]:
        click.echo(_service_line(service))


@click.group()
def deployments() -> None:
    """See and register the endpoints that serve handlers."""


@deployments.command("list")
@admin_url_option
@json_option
def list_deployments(client: AdminClient, *, as_json: bool) -> None:
    """List the registered deployments, oldest first."""
    answer = client.request("GET", _API, "deployments")
    if as_json:
        echo_json(answer)
        return
    if not answer["deployments"]:
        click.echo("No deployments are registered.")
    for deployment in answer["deployments"]:
        names = ", ".join(f"{service['name']} (revision {service['revision']})" for service in deployment["services"])
        click.echo(f"{deployment['id']}  {deployment.get('uri') or deployment.get('arn')}  {names}")


@deployments.command()
@click.argument("uri")
@click.option("--use-http1.1", "use_http_11", is_flag=True, help="Speak HTTP/1.1 only; otherwise both are tried.")
@click.option("--force", is_flag=True, help="Replace the deployment if that URI is registered already.")
@click.option("--breaking", is_flag=True, help="Allow a service to change its kind.")
@click.option("--dry-run", is_flag=True, help="Ask the endpoint and check, but register nothing.")
@admin_url_option
@json_option
def register(uri: str, client: AdminClient, *, as_json: bool, **flags: bool) -> None:
    """Register the endpoint at URI, such as http://127.0.0.1:9080, and the services it serves."""
    wanted = {name: True for name, is_set in flags.items() if is_set}
    answer = client.request("POST", _API, "deployments", body={"uri": uri, "force": flags["force"], **wanted})
    if as_json:
        echo_json(answer)
        return
    click.echo(f"{answer['id']} serves:" if not flags["dry_run"] else "It could be registered. It serves:")
    for service in answer["services"]:
        click.echo(_service_line(service))


def _service_line(service: dict[str, Any]) -> str:
    handlers = ", ".join(handler["name"] for handler in service["handlers"])
    return f"  {service['name']}  {service['ty']}  revision {service['revision']}  {handlers}"
