"""Paths and queries as they travel, and what they mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_http.messages import BadPath, json_response, path_segments, query_values
from holdfast_http.times import rfc3339


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/Greeter/greet", ("Greeter", "greet")),
        ("/Greeter/greet/", ("Greeter", "greet")),
        ("/Counter/a%2Fb/add", ("Counter", "a/b", "add")),
        ("/Counter/%C3%A4%20%2B/add", ("Counter", "ä +", "add")),
        ("/Counter/a+b/add", ("Counter", "a+b", "add")),
        ("/Counter//add", ("Counter", "", "add")),
        ("/Counter/100%/add", ("Counter", "100%", "add")),
        ("/", ()),
        ("", ()),
    ],
)
def test_segments(path: str, segments: tuple[str, ...]) -> None:
    """A path is cut at its slashes first and decoded then, and one trailing slash does not count."""
    assert path_segments(path) == segments


def test_a_path_that_is_not_utf_8() -> None:
    """A part that does not decode is an error, and not a key with question marks in it."""
    with pytest.raises(BadPath, match="UTF-8"):
        path_segments("/Counter/%FF/add")


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("delay=10s", {"delay": "10s"}),
        ("delay=2h+30m", {"delay": "2h 30m"}),
        ("delay=2h%2030m&x", {"delay": "2h 30m", "x": ""}),
        ("delay=1s&delay=2s", {"delay": "1s"}),
    ],
)
def test_query(query: str, values: dict[str, str]) -> None:
    """The first value of each name counts."""
    assert query_values(query) == values


@pytest.mark.parametrize("query", ["delay=%FF", "&".join(f"a{number}=1" for number in range(200))])
def test_a_query_that_is_refused(query: str) -> None:
    """A query that does not decode, or has no end, is an error."""
    with pytest.raises(BadPath):
        query_values(query)


@given(st.text())
def test_json_of_any_text(text: str) -> None:
    """Any text can be answered with, halves of characters included."""
    body = json_response(200, {"message": text}).body
    assert isinstance(json.loads(body)["message"], str)


def test_rfc3339() -> None:
    """Times are written in UTC, with milliseconds."""
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_800_000_000_123) == "2027-01-15T08:00:00.123Z"
