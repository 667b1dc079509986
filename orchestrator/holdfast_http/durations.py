"""Durations as people and SDKs write them: ISO-8601, friendly text and bare milliseconds; and back to friendly text."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

# A century: longer is a slip of the pen, and due times must stay dates that RFC 3339 can write.
DURATION_MS_MAX = 36_525 * DAY_MS
# Text beyond this is no duration, and need not be matched.
_TEXT_LENGTH_MAX = 100

_MS_BY_UNIT: dict[str, Fraction] = {
    unit: Fraction(ms)
    for ms, units in (
        (Fraction(1, 1_000_000), "ns nsec nsecs nano nanos nanosecond nanoseconds"),
        (Fraction(1, 1000), "us µs μs usec usecs micro micros microsecond microseconds"),
        (1, "ms msec msecs milli millis millisecond milliseconds"),
        (SECOND_MS, "s sec secs second seconds"),
        (MINUTE_MS, "m min mins minute minutes"),
        (HOUR_MS, "h hr hrs hour hours"),
        (DAY_MS, "d day days"),
        (WEEK_MS, "w wk wks week weeks"),
    )
    for unit in units.split()
}
_CALENDAR_UNITS = frozenset(["mo", "mos", "month", "months", "y", "yr", "yrs", "year", "years"])

_NUMBER = r"\d+(?:[.,]\d+)?"
_ISO = re.compile(
    rf"P(?:(?P<years>{_NUMBER})Y)?(?:(?P<months>{_NUMBER})M)?(?:(?P<weeks>{_NUMBER})W)?(?:(?P<days>{_NUMBER})D)?"
    rf"(?P<time>T(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?",
    re.IGNORECASE,
)
_ISO_UNITS = (
    ("weeks", WEEK_MS),
    ("days", DAY_MS),
    ("hours", HOUR_MS),
    ("minutes", MINUTE_MS),
    ("seconds", SECOND_MS),
)
_FRIENDLY = re.compile(r"(?:\s*,?\s*(\d+(?:\.\d+)?)\s*([a-zµμ]+))")


class DurationError(ValueError):
    """A text is no duration; the message is one clause that says what would be."""


def parse_duration_ms(text: str) -> int:
    """Return the milliseconds of a duration, rounded up so that nothing becomes due early.

    `PT10S`, `P1DT2H`, `10s`, `2h 30m`, `500ms` and bare integers (milliseconds) are durations; months and years are
    not, because their length depends on when they begin.

    Raises:
        DurationError: It is none.
    """
    stripped = text.strip()
    if len(stripped) > _TEXT_LENGTH_MAX:
        raise DurationError(f"a duration has at most {_TEXT_LENGTH_MAX} characters")
    if stripped.isdecimal() and stripped.isascii():
        total = Fraction(stripped)
    elif stripped[:1] in ("P", "p"):
        total = _iso_ms(stripped)
    else:
        total = _friendly_ms(stripped)
    if total > DURATION_MS_MAX:
        raise DurationError(f"{stripped!r} is longer than the {DURATION_MS_MAX // DAY_MS} days that are allowed")
    return ceil(total)


def friendly_duration(ms: int) -> str:
    """Return the duration as friendly text, such as `1d`, `2h 30m` or `500ms`; every part is one that can be parsed."""
    parts = []
    for unit, unit_ms in (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS), ("ms", 1)):
        count, ms = divmod(ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def _iso_ms(text: str) -> Fraction:
    match = _ISO.fullmatch(text)
    if match is None or match["time"] in ("T", "t") or len(text) == 1:
        raise _not_a_duration(text)
    if match["years"] or match["months"]:
        raise _calendar(text)
    return sum((_fraction(match[name]) * unit_ms for name, unit_ms in _ISO_UNITS if match[name]), Fraction(0))


def _friendly_ms(text: str) -> Fraction:
    lowered = text.lower()
    total, end = Fraction(0), 0
    while end < len(lowered):
        match = _FRIENDLY.match(lowered, end)
        if match is None:
            raise _not_a_duration(text)
        if match[2] in _CALENDAR_UNITS:
            raise _calendar(text)
        if match[2] not in _MS_BY_UNIT:
            raise _not_a_duration(text)
        total += Fraction(match[1]) * _MS_BY_UNIT[match[2]]
        end = match.end()
    if not lowered:
        raise _not_a_duration(text)
    return total


def _fraction(number: str) -> Fraction:
    return Fraction(number.replace(",", "."))


def _not_a_duration(text: str) -> DurationError:
    return DurationError(f"{text!r} is not a duration; write 'PT10S', '10s', '2h 30m' or milliseconds")


def _calendar(text: str) -> DurationError:
    return DurationError(f"{text!r} counts months or years, whose length depends on the date; write days")
