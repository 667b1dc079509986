"""The commands that do something to invocations: to one by its id, or to many by ids or filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.invocations import verbs
from holdfast_cli.invocations.batches import echo_result, operate_all, selected
from holdfast_cli.invocations.filters import Filters, filter_options
from holdfast_cli.options import admin_options, json_option, yes_option
from holdfast_cli.printing import echo_json
from holdfast_cli.problems import UsageProblem

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient
    from holdfast_cli.invocations.verbs import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The invocations that a command line speaks of."""

    client: AdminClient
    ids: tuple[str, ...]
    filters: Filters
    is_sure: bool
    as_json: bool


def _which_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ids, filters, --yes, --json and where the server is, which become `which`."""

    @click.argument("ids", metavar="[ID]...", nargs=-1)
    @filter_options
    @yes_option
    @admin_options
    @json_option
    @wraps(command)
    def with_which(
        *, client: AdminClient, ids: tuple[str, ...], filters: Filters, is_sure: bool, as_json: bool, **options: Any
    ) -> Any:
        if bool(ids) is not filters.is_any:
            raise UsageProblem("Say which: either ids, or filters such as --service and --status.")
        which = Which(client=client, ids=ids, filters=filters, is_sure=is_sure, as_json=as_json)
        return command(which, **options)

    return with_which


_deployment_option = click.option(
    "--deployment", metavar="WHICH", help="keep, latest, or a deployment's id: what it runs on from here."
)


@click.command()
@_which_options
def cancel(which: Which) -> None:
    """Ask invocations to end.

    Their handlers see a terminal error at their next await and can undo what they did. The invocations they wait for
    are cancelled first; what they have sent goes on.
    """
    _operate(which, verbs.CANCEL)


@click.command()
@_which_options
def kill(which: Which) -> None:
    """End invocations at once, together with those they wait for; their handlers get no say."""
    _operate(which, verbs.KILL)


@click.command()
@_which_options
def pause(which: Which) -> None:
    """Stop invocations where they are, until they are resumed."""
    _operate(which, verbs.PAUSE)


@click.command()
@_deployment_option
@_which_options
def resume(which: Which, deployment: str | None) -> None:
    """Let invocations go on that are paused, or wait for their next retry.

    Their retries begin anew.
    """
    _operate(which, verbs.RESUME, deployment=deployment)


@click.command()
@click.option("--from", "from_index", type=click.IntRange(min=0), help="The last journal entry to take over; 0: input.")
@_deployment_option
@_which_options
def restart(which: Which, from_index: int | None, deployment: str | None) -> None:
    """Run invocations that have ended again, as new ones."""
    if len(which.ids) == 1:
        query = _said(**{"from": from_index, "deployment": deployment})
        answer = _patch(which, verbs.RESTART, query)
        if not which.as_json:
            click.echo(f"{which.ids[0]} runs again as {answer['new_invocation_id']}.")
        return
    if from_index is not None:
        raise UsageProblem("--from is an entry of one journal: give one id with it.")
    _operate(which, verbs.RESTART, deployment=deployment)


@click.command()
@click.option("--journal", "is_journal", is_flag=True, help="Forget only journals, and keep outcomes.")
@_which_options
def purge(which: Which, *, is_journal: bool) -> None:
    """Forget invocations that have ended."""
    _operate(which, verbs.PURGE_JOURNAL if is_journal else verbs.PURGE)


COMMANDS = (cancel, kill, pause, resume, restart, purge)


def _operate(which: Which, verb: Verb, **options: str | None) -> None:
    said = _said(**options)
    if len(which.ids) == 1:
        answer = _patch(which, verb, said)
        if not which.as_json:
            click.echo(verb.sentences[answer["outcome"]].format(id=answer["invocation_id"]))
        return
    ids = which.ids or selected(which.client, which.filters, verb, is_sure=which.is_sure)
    echo_result(operate_all(which.client, ids, verb, said), verb, as_json=which.as_json)


def _patch(which: Which, verb: Verb, query: dict[str, str]) -> Any:
    answer = which.client.request("PATCH", "invocations", which.ids[0], verb.path, query=query)
    if which.as_json:
        echo_json(answer)
    return answer


def _said(**values: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}
