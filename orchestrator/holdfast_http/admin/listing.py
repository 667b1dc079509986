"""Lists of invocations, page by page, and the numbers of the overview."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from holdfast_engine.blobs import REFERENCE_TYPE
from holdfast_engine.engine import Description
from holdfast_engine.journal import type_of
from holdfast_engine.ports.listing import Place, Selection
from holdfast_engine.records import Head, Status
from holdfast_engine.retention import is_over
from holdfast_http.admin.invocation_view import invocation_json
from holdfast_http.messages import Request, Response, json_response, query_values
from holdfast_http.problems import bad_request
from holdfast_http.turns import Turns

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine

LIMIT_MAX = 1_000
_LIMIT = 100
# For the sentences on a page of a list; the rest is a click away.
_REASONS_SECONDS_MAX = 0.5


async def invocations(engine: Engine, request: Request) -> Response:
    """Return a page of invocations, newest first, or those whose ids are named.

    `next` is what to give as `after` for the page that follows; a page may be short, or empty, and have one.
    """
    query = query_values(request.query)
    if "ids" in query:
        heads = [await engine.peek(each) for each in query["ids"].split(",")[:LIMIT_MAX] if each]
        found, after, is_whole = [head for head in heads if head is not None], None, True
    else:
        listed = await engine.listing.invocations(
            _selection(query), after=_place(query.get("after")), limit=limit_of(query)
        )
        found, after, is_whole = list(listed.heads), listed.next, listed.is_whole
    shown = [head for head in found if not is_over(head, engine.now_ms)]
    rows = [summary(head) for head in shown]
    if query.get("why") == "true":
        await _explain(engine, shown, rows)
    content: dict[str, Any] = {"invocations": rows, "is_whole": is_whole}
    if after is not None:
        content["next"] = f"{after.created_ms}.{after.id}"
    return json_response(200, content)


async def _explain(engine: Engine, heads: list[Head], rows: list[dict[str, Any]]) -> None:
    """Say why each does not move, as far as that takes no long time: a list is looked at again and again."""
    turns = Turns()
    for head, row in zip(heads, rows, strict=True):
        if turns.seconds > _REASONS_SECONDS_MAX:
            return
        reason = await engine.why(head, entries=None)
        if reason is not None:
            row["why"] = reason.sentence
        await turns.give_way()


async def overview(engine: Engine) -> Response:
    """Return how many invocations each service has in each status."""
    by_service: dict[str, dict[str, int]] = defaultdict(dict)
    for count in await engine.listing.counts():
        by_service[count.service][count.status.value] = count.count
    return json_response(200, {"services": by_service, "now_ms": engine.now_ms})


def summary(head: Head) -> dict[str, Any]:
    """Return an invocation as a list shows it, with as much of its outcome as its head holds."""
    frames = head.page.frames
    index = head.outcome_index
    # A value that is stored elsewhere is not fetched for a list.
    is_here = index is not None and index < len(frames) and type_of(frames[index]) != REFERENCE_TYPE
    return invocation_json(Description(head=head, entries=frames if is_here else ()))


def limit_of(query: dict[str, str]) -> int:
    """Return how long a page may be."""
    text = query.get("limit", str(_LIMIT))
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LIMIT_MAX:
        raise bad_request(f"'limit' is a whole number from 1 to {LIMIT_MAX}, and not {text!r}")
    return int(text)


def _selection(query: dict[str, str]) -> Selection:
    return Selection(
        service=query.get("service") or None,
        handler=query.get("handler") or None,
        key=query.get("key"),
        statuses=_statuses(query.get("status")),
        from_ms=_time(query, "from_ms"),
        before_ms=_time(query, "before_ms"),
    )


def _statuses(text: str | None) -> frozenset[Status] | None:
    if not text:
        return None
    try:
        return frozenset(Status(word) for word in text.split(","))
    except ValueError as error:
        words = ", ".join(status.value for status in Status)
        raise bad_request(f"'status' is one or several of {words}, with commas between them") from error


def _time(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise bad_request(f"'{name}' is a time in milliseconds since 1970, and not {text!r}")
    return int(text)


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    created_ms, _, invocation_id = text.partition(".")
    if not (created_ms.isascii() and created_ms.isdecimal()) or len(created_ms) > 15:
        raise bad_request("'after' is what the page before gave as 'next'")
    return Place(created_ms=int(created_ms), id=invocation_id)
