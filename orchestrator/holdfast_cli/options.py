"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from holdfast_cli.admin_client import AdminClient

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_ADMIN_URL = "http://127.0.0.1:9070"


def admin_url_option(command: Command) -> Command:
    """Add --admin-url, which becomes the command's client."""
    return click.option(
        "--admin-url",
        "client",
        envvar="HOLDFAST_ADMIN_URL",
        default=DEFAULT_ADMIN_URL,
        show_default=True,
        metavar="URL",
        callback=lambda _context, _parameter, url: AdminClient(url),
        help="Where the admin API is; also HOLDFAST_ADMIN_URL.",
    )(command)


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print the server's JSON instead of text.")(command)


def echo_json(content: object) -> None:
    """Print JSON for programs and curious people."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
