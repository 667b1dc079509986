"""`holdfast sql`: a query to the admin API, and its rows as a table or as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.asking import somebody_is_there
from holdfast_cli.options import admin_options, json_option
from holdfast_cli.printing import echo_json, echo_note, echo_table
from holdfast_cli.problems import UsageProblem

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient


@click.command()
@click.argument("query", required=False)
@admin_options
@json_option
def sql(query: str | None, client: AdminClient, *, as_json: bool) -> None:
    """Answer a read-only SQL QUERY over invocations, journals, keys, state and what is registered.

    Without QUERY it is read from stdin. The tables are `sys_invocation`, `sys_journal`, `state` and so on; `SELECT *
    FROM information_schema.columns` lists them all.
    """
    if query is None or query == "-":
        if somebody_is_there():
            raise UsageProblem("Give a query, such as 'SELECT id, target, why FROM sys_invocation', or pipe one in.")
        query = sys.stdin.read()
    rows = client.request("POST", "query", body={"query": query})["rows"]
    if as_json:
        echo_json(rows)
    elif rows:
        # A row leaves out what is null.
        titles = list(dict.fromkeys(name for row in rows for name in row))
        echo_table(titles, ([_cell(row.get(title)) for title in titles] for row in rows))
    if not as_json:
        echo_note("1 row." if len(rows) == 1 else f"{len(rows)} rows.")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
