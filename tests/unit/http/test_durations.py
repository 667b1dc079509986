"""Durations as people and SDKs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_http.durations import DURATION_MS_MAX, DurationError, friendly_duration, parse_duration_ms

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("PT10S", 10 * SECOND),
        ("PT0.5S", 500),
        ("pt1m", MINUTE),
        ("P1DT2H", DAY + 2 * HOUR),
        ("P2W", 14 * DAY),
        ("PT1H30M", 90 * MINUTE),
        ("PT1,5S", 1500),
        ("10s", 10 * SECOND),
        ("60 sec", MINUTE),
        ("2h 30m", 150 * MINUTE),
        ("2h30m", 150 * MINUTE),
        ("1h, 30m", 90 * MINUTE),
        ("500ms", 500),
        ("1.5h", 90 * MINUTE),
        ("1 day", DAY),
        ("2 Weeks", 14 * DAY),
        ("100us", 1),
        ("0", 0),
        ("0s", 0),
        ("1500", 1500),
        (" 10s ", 10 * SECOND),
    ],
)
def test_spellings(text: str, ms: int) -> None:
    """ISO-8601, friendly text and bare milliseconds all say the same thing."""
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "P", "PT", "P1", "-5s", "-5", "10 parsecs", "s10", "PT10", "1e3", "٣", "5s!", "5s 3"]
)
def test_what_is_none(text: str) -> None:
    """A text that is no duration is refused with examples of what would be."""
    with pytest.raises(DurationError, match="not a duration"):
        parse_duration_ms(text)


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P1Y2M3D", "1 month", "2 years", "1y", "3mo"])
def test_calendar_units(text: str) -> None:
    """Months and years are refused, because how long they are depends on when they begin."""
    with pytest.raises(DurationError, match="months or years"):
        parse_duration_ms(text)


@pytest.mark.parametrize("text", [str(DURATION_MS_MAX + 1), "40000 days", "9" * 99, "P99999999999D"])
def test_too_long(text: str) -> None:
    """A duration beyond a century is refused, so that every due time is a date that can be written."""
    with pytest.raises(DurationError, match="longer than"):
        parse_duration_ms(text)


def test_a_text_without_end_is_not_matched() -> None:
    """A text beyond a bound is refused before anything looks at it."""
    with pytest.raises(DurationError, match="at most"):
        parse_duration_ms("1s " * 1000)


@given(st.text(max_size=120))
def test_any_text(text: str) -> None:
    """Whatever the text is, it is a duration in bounds or an error of one kind."""
    try:
        assert 0 <= parse_duration_ms(text) <= DURATION_MS_MAX
    except DurationError:
        pass


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (1, "1ms"),
        (60_000, "1m"),
        (DAY, "1d"),
        (90 * MINUTE, "1h 30m"),
        (DAY + HOUR + MINUTE + SECOND + 5, "1d 1h 1m 1s 5ms"),
    ],
)
def test_friendly(ms: int, text: str) -> None:
    """A duration is shown in the largest units that fit."""
    assert friendly_duration(ms) == text


@given(st.integers(min_value=0, max_value=DURATION_MS_MAX))
def test_round_trip(ms: int) -> None:
    """What is shown can be read back."""
    assert parse_duration_ms(friendly_duration(ms)) == ms
