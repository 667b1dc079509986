"""Times and numbers as sentences for people say them; the moment it is comes in as an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The last moment that a calendar of four-digit years has.
_LAST_MS = 253_402_300_799_999
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def moment(at_ms: int) -> str:
    """Return a point in time, to the second, such as `2026-01-31T12:00:00Z`."""
    if at_ms > _LAST_MS:
        return "the end of time"
    return (_EPOCH + timedelta(milliseconds=at_ms)).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(duration_ms: int) -> str:
    """Return a duration in its two largest units, such as `3 h 5 min`."""
    rest = max(0, duration_ms)
    for place, (unit_ms, name) in enumerate(_UNITS):
        if rest >= unit_ms:
            said = f"{rest // unit_ms} {name}"
            if place + 1 < len(_UNITS):
                smaller_ms, smaller = _UNITS[place + 1]
                if count := rest % unit_ms // smaller_ms:
                    return f"{said} {count} {smaller}"
            return said
    return "less than 1 s"


def until(at_ms: int, *, now_ms: int) -> str:
    """Return a time with how far it is off, such as `2026-01-31T12:00:00Z (in 5 min)`."""
    if at_ms > _LAST_MS:
        return moment(at_ms)
    away = f"in {span(at_ms - now_ms)}" if at_ms > now_ms else f"{span(now_ms - at_ms)} ago"
    return f"{moment(at_ms)} ({away})"


def ordinal(number: int) -> str:
    """Return a place in a line: `1st`, `2nd`, `11th`."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def cut(text: str, *, chars_max: int) -> str:
    """Return a text on one line, cut to a bound."""
    line = " ".join(text.split())
    return line if len(line) <= chars_max else f"{line[: chars_max - 1]}…"
