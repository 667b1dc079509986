"""`holdfast invocations list`: what runs, what waits, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.clock import age, now_ms
from holdfast_cli.invocations.filters import Filters, filter_options, pages
from holdfast_cli.options import admin_options, json_option
from holdfast_cli.printing import echo_json, echo_note, echo_table

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

_LIMIT = 50
_LIMIT_MAX = 100_000


@click.command("list")
@filter_options
@click.option(
    "--limit",
    type=click.IntRange(1, _LIMIT_MAX),
    default=_LIMIT,
    show_default=True,
    help="At most so many, the newest.",
)
@click.option("--ids", "-q", "is_bare", is_flag=True, help="Print only ids, one on a line.")
@admin_options
@json_option
def list_invocations(client: AdminClient, filters: Filters, limit: int, *, is_bare: bool, as_json: bool) -> None:
    """List invocations, newest first, with what those wait for that do not move."""
    why = {} if is_bare else {"why": "true"}
    query = {**filters.query(now_ms=now_ms()), **why}
    # One more, to be able to say that there are more.
    found = [each for page in pages(client, query, count_max=limit + 1) for each in page]
    shown = found[:limit]
    if as_json:
        echo_json({"invocations": shown, "is_cut": len(found) > limit})
        return
    if is_bare:
        for each in shown:
            click.echo(each["id"])
    elif shown:
        echo_table(("ID", "TARGET", "STATUS", "CREATED", "NOW"), map(_row, shown))
    else:
        echo_note("There are no such invocations." if not filters.is_any else "There are no invocations.")
    if len(found) > limit:
        echo_note(f"There are more than these {limit}: give filters, or another --limit.")


def _row(invocation: dict[str, Any]) -> tuple[str, ...]:
    return (
        invocation["id"],
        invocation["target"],
        invocation["status"],
        age(invocation["created_at"], now_ms=now_ms()),
        invocation.get("why") or _outcome(invocation),
    )


def _outcome(invocation: dict[str, Any]) -> str:
    outcome = invocation.get("outcome")
    if outcome is None or outcome["result"] == "success":
        return "" if outcome is None else "succeeded"
    failure = outcome["failure"]
    return f"failed: [{failure['code']}] {failure['message']}"
