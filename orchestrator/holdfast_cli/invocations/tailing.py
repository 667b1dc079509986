"""`holdfast invocations tail`: looks at an invocation again and again, and prints what is new, until it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.clock import local_time
from holdfast_cli.invocations.following import Follower, News
from holdfast_cli.options import admin_options, json_option
from holdfast_cli.printing import echo_json_line, echo_note
from holdfast_cli.problems import ServerUnreachable

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

# While something happens it is looked at as often as people can read; then ever less often.
_PAUSE_S_MIN, _PAUSE_S_MAX = 0.25, 4.0
# A server that is started again is back by then.
_SILENCES_MAX = 15


@click.command()
@click.argument("invocation_id", metavar="ID")
@admin_options
@json_option
def tail(invocation_id: str, client: AdminClient, *, as_json: bool) -> None:
    """Follow an invocation live, until it has ended; exit code 1 says that it failed.

    With --json each line is one thing that happened.
    """
    outcome: dict[str, Any] = {}
    for shown, news in follow(client, invocation_id):
        for each in news:
            if as_json:
                echo_json_line(each.as_json())
            else:
                click.echo(_line(each))
        outcome = shown.get("outcome") or {}
    if outcome.get("result") == "failure":
        click.get_current_context().exit(1)


def follow(client: AdminClient, invocation_id: str) -> Iterator[tuple[dict[str, Any], list[News]]]:
    """Yield each look at an invocation with what is new in it; the last shows it completed.

    Raises:
        RequestFailed: There is no such invocation.
        ServerUnreachable: The server was not there at the first look, or stayed away for long.
    """
    follower = Follower()
    pause_s = _PAUSE_S_MIN
    shown = client.request("GET", "invocations", invocation_id)
    while True:
        news = list(follower.news(shown))
        yield shown, news
        if shown["status"] == "completed":
            return
        pause_s = _PAUSE_S_MIN if news else min(2 * pause_s, _PAUSE_S_MAX)
        sleep(pause_s)
        shown = _look(client, invocation_id)


def _look(client: AdminClient, invocation_id: str) -> Any:
    """Look once more; a server that went away is given time to come back."""
    for silence in range(_SILENCES_MAX):
        try:
            return client.request("GET", "invocations", invocation_id)
        except ServerUnreachable:
            if silence == 0:
                echo_note("The server does not answer; it is asked again for a minute.")
            sleep(_PAUSE_S_MAX)
    return client.request("GET", "invocations", invocation_id)


def _line(news: News) -> str:
    return f"{local_time(news.at)}  {news.what:<7}  {news.text}"
