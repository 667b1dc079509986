"""What an invocation went through, and what holds it up, for people and tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_http.admin.invocation_view import last_failure_json
from holdfast_http.times import rfc3339

if TYPE_CHECKING:
    from holdfast_engine.ports.listing import History
    from holdfast_engine.stuck import Reason


def reason_json(reason: Reason | None) -> dict[str, Any]:
    """Return why an invocation does not move, and on whom that depends; nothing for one that does."""
    if reason is None:
        return {}
    waits_for: dict[str, Any] = {
        "invocations": list(reason.invocation_ids),
        "awakeables": list(reason.awakeable_ids),
        "until": None if reason.until_ms is None else _moment(reason.until_ms),
    }
    return {"why": reason.sentence, "waits_for": {name: value for name, value in waits_for.items() if value}}


def history_json(history: History) -> dict[str, Any]:
    """Return when attempts began and where they led, and how they failed; nothing where that is not remembered."""
    if not history.moments:
        return {}
    moments = [
        {"what": moment.what, "number": moment.number, "at": rfc3339(moment.at_ms)} for moment in history.moments
    ]
    failures = [last_failure_json(failure) for failure in history.failures]
    return {"history": {"moments": moments, "failures": failures}}


def dated(entries: list[dict[str, Any]], history: History) -> list[dict[str, Any]]:
    """Return the entries of a journal with when each came, where that is remembered."""
    grown = [moment for moment in history.moments if moment.what == "entries"]
    place = 0
    for entry in entries:
        while place < len(grown) and grown[place].number <= entry["index"]:
            place += 1
        if place == len(grown):
            break
        entry["appended_at"] = rfc3339(grown[place].at_ms)
    return entries


def _moment(at_ms: int) -> str | None:
    try:
        return rfc3339(at_ms)
    except OverflowError:
        # A sleep may end after the last year that a calendar has.
        return None
