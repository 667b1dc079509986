"""One operation on many invocations: which they are, whether that is meant, how far it is, what came of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.asking import ask
from holdfast_cli.clock import now_ms
from holdfast_cli.invocations.filters import Filters, pages
from holdfast_cli.printing import echo_json, echo_note, harmless, somebody_is_watching
from holdfast_cli.problems import RequestFailed

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient
    from holdfast_cli.invocations.verbs import Verb

# As the web UI has it. Whoever means more does it again: what was operated does not match any more.
SELECTED_MAX = 10_000
# Few enough that an answer comes in a moment and the bar moves.
_CHUNK = 100
_TARGETS_SHOWN = 5
_REFUSALS_SHOWN = 10


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of a batch: what the server says of each."""

    succeeded: list[Any] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)


def selected(client: AdminClient, filters: Filters, verb: Verb, *, is_sure: bool) -> list[str]:
    """Return the ids of what the filters match, once somebody has said that those are meant.

    Raises:
        UsageProblem: There is nobody to ask.
    """
    if not filters.statuses:
        filters = replace(filters, statuses=verb.statuses)
    found = [each for page in pages(client, filters.query(now_ms=now_ms()), count_max=SELECTED_MAX) for each in page]
    if found and not is_sure:
        _ask(found, verb)
    if len(found) >= SELECTED_MAX:
        echo_note(f"There may be more than these {len(found)}: do it again when they are done.")
    return [each["id"] for each in found]


def operate_all(client: AdminClient, ids: Sequence[str], verb: Verb, options: dict[str, str]) -> Result:
    """Operate them, a hundred at a time; each is refused or done by itself.

    Raises:
        RequestFailed: The server was lost on the way; the message says how many are known to be done.
    """
    result = Result()
    chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
    for chunk in _shown(chunks, verb, count=len(ids)):
        body = {"invocation_ids": list(chunk), **options}
        try:
            answer = client.request("POST", "internal", "invocations_batch_operations", verb.path, body=body)
        except RequestFailed as error:
            raise RequestFailed(
                f"{error.message} At least {len(result.succeeded)} were {verb.done} before that."
            ) from error
        result.succeeded += answer["succeeded"]
        result.failed += answer["failed"]
    return result


def echo_result(result: Result, verb: Verb, *, as_json: bool) -> None:
    """Say what came of it, and end with exit code 1 if one was refused."""
    if as_json:
        echo_json({"succeeded": result.succeeded, "failed": result.failed})
    else:
        click.echo(f"{_count(len(result.succeeded))} {verb.done}.")
        for each in result.failed[:_REFUSALS_SHOWN]:
            echo_note(f"{each['invocation_id']} was not: {harmless(each['error'])}")
        if len(result.failed) > _REFUSALS_SHOWN:
            echo_note(f"Nor were {len(result.failed) - _REFUSALS_SHOWN} others; --json lists them all.")
    if result.failed:
        click.get_current_context().exit(1)


def _ask(found: Sequence[dict[str, Any]], verb: Verb) -> None:
    by_target = Counter(f"{each['service']}/{each['handler']}" for each in found)
    common = [f"{count} of {target}" for target, count in by_target.most_common(_TARGETS_SHOWN)]
    others = len(by_target) - len(common)
    named = ", ".join(common) + (f" and those of {others} other handlers" if others else "")
    ask(f"{verb.doing} {_count(len(found))}: {named}. Go on?")


def _shown(chunks: list[Sequence[str]], verb: Verb, *, count: int) -> Iterator[Sequence[str]]:
    """Yield the chunks, with a bar on a terminal."""
    if len(chunks) <= 1 or not somebody_is_watching():
        yield from chunks
        return
    with click.progressbar(length=count, label=verb.doing, file=sys.stderr) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(len(chunk))


def _count(count: int) -> str:
    return "1 invocation" if count == 1 else f"{count} invocations"
