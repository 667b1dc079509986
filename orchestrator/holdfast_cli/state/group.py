"""The group `holdfast state` and its commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.asking import ask
from holdfast_cli.json_input import require_json
from holdfast_cli.options import admin_options, json_option, yes_option
from holdfast_cli.printing import echo_json
from holdfast_cli.problems import RequestFailed
from holdfast_cli.state.document import document_of, shown_value
from holdfast_cli.state.keyed import Named, read, write

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient


@click.group()
def state() -> None:
    """Show and change the state of a key of a virtual object or workflow.

    It is changed while no invocation holds the key, and only if it is still what it was when it was read.
    """


def _key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add SERVICE and KEY, --scope and where the server is, which become `named` and `client`."""

    @click.argument("service")
    @click.argument("key")
    @click.option("--scope", metavar="NAME", help="The scope that the key is in.")
    @admin_options
    @json_option
    @wraps(command)
    def with_named(*, service: str, key: str, scope: str | None, **options: Any) -> Any:
        return command(Named(service=service, key=key, scope=scope), **options)

    return with_named


@state.command()
@_key_options
@click.argument("name", required=False)
def get(named: Named, client: AdminClient, name: str | None, *, as_json: bool) -> None:
    """Print a key's state as JSON, or with NAME that one value as it is stored.

    With --json values that are not JSON look like {"$text": …} or {"$base64": …}, as in `holdfast state edit`.
    """
    values = read(client, named).values
    if name is None:
        echo_json(document_of(values))
        return
    if name not in values:
        names = ", ".join(sorted(values)) or "none"
        raise RequestFailed(f"{named} has no state named {name!r}; there is: {names}.")
    if as_json:
        echo_json(shown_value(values[name]))
    else:
        click.echo(values[name], nl=sys.stdout.isatty())


@state.command("set")
@_key_options
@click.argument("name")
@click.argument("value")
@click.option("--text", "is_text", is_flag=True, help="Store VALUE as it stands, although it is not JSON.")
def set_value(named: Named, client: AdminClient, name: str, value: str, *, is_text: bool, as_json: bool) -> None:
    """Set one value of a key's state, and leave the others as they are. VALUE is JSON; - reads it from stdin."""
    content = sys.stdin.buffer.read() if value == "-" else value.encode()
    if not is_text:
        require_json(content, what="The value", otherwise="say --text")
    before = read(client, named)
    write(client, named, {**before.values, name: content}, over=before)
    _echo_done(f"{name} of {named} is set.", named, as_json=as_json)


@state.command()
@_key_options
def edit(named: Named, client: AdminClient, *, as_json: bool) -> None:
    """Edit a key's state in $EDITOR; nothing is stored if somebody else has changed it meanwhile."""
    from holdfast_cli.state.editing import edit_state

    is_stored = edit_state(client, named)
    sentence = f"The state of {named} is stored." if is_stored else "Nothing was changed."
    _echo_done(sentence, named, is_stored=is_stored, as_json=as_json)


@state.command()
@_key_options
@click.argument("names", nargs=-1)
@yes_option
def clear(named: Named, client: AdminClient, names: tuple[str, ...], *, is_sure: bool, as_json: bool) -> None:
    """Remove the values with these NAMES from a key's state; without names, all of it."""
    before = read(client, named)
    missing = sorted(set(names) - before.values.keys())
    if missing:
        raise RequestFailed(f"{named} has no state named {', '.join(missing)}; nothing was changed.")
    if not is_sure:
        what = ", ".join(names) if names else f"all {len(before.values)} values"
        ask(f"Remove {what} from the state of {named}?")
    write(client, named, _without(before.values, names), over=before)
    _echo_done(f"The state of {named} is cleared.", named, as_json=as_json)


def _without(values: Any, names: tuple[str, ...]) -> dict[str, bytes]:
    return {name: value for name, value in values.items() if names and name not in names}


def _echo_done(sentence: str, named: Named, *, is_stored: bool = True, as_json: bool) -> None:
    if as_json:
        echo_json({"service": named.service, "key": named.key, "stored": is_stored})
    else:
        click.echo(sentence)
