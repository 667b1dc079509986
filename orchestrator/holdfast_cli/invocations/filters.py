"""Which invocations are meant: the filter options, and pages of those that match."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.printing import echo_note
from holdfast_cli.problems import UsageProblem

if TYPE_CHECKING:
    from holdfast_cli.admin_client import AdminClient

STATUSES = ("scheduled", "queued", "ready", "running", "suspended", "backing-off", "paused", "completed")
# As many as the admin API lists at a time.
PAGE_MAX = 1_000
# A store looks at so many invocations for a page, found or not, and on AWS each look is paid for.
_REQUESTS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an invocation must be to be meant; None and nothing mean any. Ages are counted from its creation."""

    service: str | None
    handler: str | None
    key: str | None
    statuses: tuple[str, ...]
    older_than: str | None
    newer_than: str | None

    @property
    def is_any(self) -> bool:
        """Whether all invocations are meant."""
        return not any(getattr(self, each.name) for each in fields(self))

    def query(self, *, now_ms: int) -> dict[str, str]:
        """Return what to ask the admin API.

        Raises:
            UsageProblem: An age is no duration.
        """
        asked: dict[str, str | int | None] = {
            "service": self.service,
            "handler": self.handler,
            "key": self.key,
            "status": ",".join(self.statuses) or None,
            "before_ms": _ago(now_ms, self.older_than, "--older-than"),
            "from_ms": _ago(now_ms, self.newer_than, "--newer-than"),
        }
        return {name: str(value) for name, value in asked.items() if value is not None}


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --service, --handler, --key, --status, --older-than and --newer-than, which become `filters`."""

    @click.option("--service", metavar="NAME", help="Only invocations of this service.")
    @click.option("--handler", metavar="NAME", help="Only invocations of this handler.")
    @click.option("--key", metavar="KEY", help="Only invocations of this key.")
    @click.option(
        "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only in this status; repeatable."
    )
    @click.option("--older-than", metavar="DURATION", help="Only those created longer ago, such as 30m, 12h or 7d.")
    @click.option("--newer-than", metavar="DURATION", help="Only those created since then.")
    @wraps(command)
    def with_filters(*arguments: Any, **options: Any) -> Any:
        filters = Filters(**{each.name: options.pop(each.name) for each in fields(Filters)})
        return command(*arguments, filters=filters, **options)

    return with_filters


def pages(client: AdminClient, query: dict[str, str], *, count_max: int) -> Iterator[list[dict[str, Any]]]:
    """Yield pages of what matches, newest first, until there are `count_max`; a page may be empty."""
    after: dict[str, str] = {}
    for _ in range(_REQUESTS_MAX):
        limit = {"limit": str(min(PAGE_MAX, count_max))}
        answer = client.request("GET", "invocations", query={**query, **after, **limit})
        if not answer["is_whole"] and not after:
            echo_note("This store lists only invocations that have not ended; ask for others by their ids.")
        yield answer["invocations"]
        count_max -= len(answer["invocations"])
        if "next" not in answer or count_max <= 0:
            return
        after = {"after": answer["next"]}
    echo_note("Older ones were not looked at: what you ask for is rare; say --service, or how old with --older-than.")


def _ago(now_ms: int, duration: str | None, option: str) -> int | None:
    if duration is None:
        return None
    from holdfast_http.durations import DurationError, parse_duration_ms

    try:
        return max(0, now_ms - parse_duration_ms(duration))
    except DurationError as error:
        raise UsageProblem(f"{option}: {error}.") from error
