"""Options that several commands share: where the server is, who asks, and how to print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from holdfast_cli.admin_client import AdminClient
from holdfast_cli.ingress_client import IngressClient
from holdfast_cli.problems import UsageProblem

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_ADMIN_URL = "http://127.0.0.1:9070"
DEFAULT_INGRESS_URL = "http://127.0.0.1:8080"

_stack_option = click.option(
    "--stack",
    envvar="HOLDFAST_STACK",
    metavar="NAME",
    help="The CloudFormation stack of an installation on AWS, instead of a URL; also HOLDFAST_STACK.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the admin API is, as the command line has it: a stack, or a URL and the token that is asked for there."""

    admin_url: str
    token: str | None
    stack: str | None

    def client(self) -> AdminClient:
        """Return a client; a stack is asked for its URL.

        Raises:
            UsageProblem: What was given cannot be a server's.
            RequestFailed: The stack could not be looked at.
        """
        if self.stack is None:
            return AdminClient(self.admin_url, token=self.token)
        from holdfast_cli.stacks import open_stack, urls_of

        return AdminClient(urls_of(open_stack(self.stack)).admin)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --admin-url, --token and --stack, which become the command's `connection`."""

    @click.option(
        "--admin-url",
        envvar="HOLDFAST_ADMIN_URL",
        default=DEFAULT_ADMIN_URL,
        show_default=True,
        metavar="URL",
        help="Where the admin API is; also HOLDFAST_ADMIN_URL.",
    )
    @click.option(
        "--token",
        envvar="HOLDFAST_TOKEN",
        metavar="TOKEN",
        help="What the admin API asks for; better as HOLDFAST_TOKEN, for others see your command lines.",
    )
    @_stack_option
    @wraps(command)
    def with_connection(*arguments: Any, admin_url: str, token: str | None, stack: str | None, **options: Any) -> Any:
        _check_one("admin_url", stack)
        connection = Connection(admin_url=admin_url, token=token or None, stack=_chosen("admin_url", stack))
        return command(*arguments, connection=connection, **options)

    return with_connection


def admin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --admin-url, --token and --stack, which become the command's `client`."""

    @connection_options
    @wraps(command)
    def with_client(*arguments: Any, connection: Connection, **options: Any) -> Any:
        return command(*arguments, client=connection.client(), **options)

    return with_client


def ingress_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --ingress-url and --stack, which become the command's `ingress`."""

    @click.option(
        "--ingress-url",
        envvar="HOLDFAST_INGRESS_URL",
        default=DEFAULT_INGRESS_URL,
        show_default=True,
        metavar="URL",
        help="Where the ingress is; also HOLDFAST_INGRESS_URL.",
    )
    @_stack_option
    @wraps(command)
    def with_ingress(*arguments: Any, ingress_url: str, stack: str | None, **options: Any) -> Any:
        _check_one("ingress_url", stack)
        chosen = _chosen("ingress_url", stack)
        if chosen is not None:
            from holdfast_cli.stacks import open_stack, urls_of

            ingress_url = urls_of(open_stack(chosen)).ingress
        return command(*arguments, ingress=IngressClient(ingress_url), **options)

    return with_ingress


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, instead of text.")(command)


def yes_option(command: Command) -> Command:
    """Add --yes."""
    return click.option("--yes", "-y", "is_sure", is_flag=True, help="Do not ask whether that is meant.")(command)


def _check_one(url_parameter: str, stack: str | None) -> None:
    """Refuse two places at once, where both were typed; what is typed goes before what the environment says."""
    if stack is not None and _is_typed(url_parameter) and _is_typed("stack"):
        raise UsageProblem(f"Give either --{url_parameter.replace('_', '-')} or --stack: each says where to ask.")


def _chosen(url_parameter: str, stack: str | None) -> str | None:
    return None if _is_typed(url_parameter) else stack


def _is_typed(parameter: str) -> bool:
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE
