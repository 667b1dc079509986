"""Grants as headers: what a dispatcher tells a handler about its journal, and what it is told back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_protocol.errors import DecodeError
from holdfast_protocol.grants import (
    JournalGrant,
    PageLife,
    Reached,
    Slot,
    grant_from_headers,
    grant_headers,
    reached_from_headers,
    reached_headers,
    takes_grants,
)

GRANT = JournalGrant(
    table="journal", epoch=7, slot=Slot(page=2, count=3, base=19, frames_bytes=417), durable=22, taken=("s#17",)
)
HEADERS = {
    "x-holdfast-table": "journal",
    "x-holdfast-epoch": "7",
    "x-holdfast-slot": "2.3.19.417",
    "x-holdfast-durable": "22",
    "x-holdfast-taken": '["s#17"]',
}


def test_a_grant_is_five_headers() -> None:
    """The headers are exactly these, so that both sides can be changed one after the other."""
    assert grant_headers(GRANT) == HEADERS
    assert grant_from_headers(HEADERS) == GRANT


def test_nothing_taken_is_no_header() -> None:
    """A grant without signals to merge, which is nearly every one, is one header shorter."""
    headers = grant_headers(replace(GRANT, taken=()))
    assert "x-holdfast-taken" not in headers
    assert grant_from_headers(headers) == replace(GRANT, taken=())


def test_tokens_may_be_anything() -> None:
    """Tokens that clients chose come back as they were, and travel as ASCII."""
    grant = replace(GRANT, taken=("s#a,b", 's#"', "s#ü\n", "s#"))
    headers = grant_headers(grant)
    assert headers["x-holdfast-taken"].isascii()
    assert headers["x-holdfast-taken"].isprintable()
    assert grant_from_headers(headers) == grant


def test_most_invocations_count_from_one() -> None:
    """Where the epochs of an invocation begin is said only of one that took the place of another."""
    life = PageLife(expires_s=1_800_000_000, is_marked=False, first_epoch=1)
    for first_epoch, header in ((1, None), (6, "6")):
        grant = replace(GRANT, life=replace(life, first_epoch=first_epoch))
        headers = grant_headers(grant)
        assert (headers["x-holdfast-expires"], headers.get("x-holdfast-first-epoch")) == ("1800000000!", header)
        assert grant_from_headers(headers) == grant


def test_other_servers_grant_nothing() -> None:
    """Without the table header there is no grant, whatever else comes."""
    assert grant_from_headers({}) is None
    assert grant_from_headers({"x-holdfast-epoch": "7"}) is None


@pytest.mark.parametrize(
    ("header", "value", "sentence"),
    [
        ("x-holdfast-table", "", "x-holdfast-table is empty"),
        ("x-holdfast-epoch", "", "x-holdfast-epoch must be a number, not ''"),
        ("x-holdfast-epoch", "-1", "x-holdfast-epoch must be a number, not '-1'"),
        ("x-holdfast-epoch", "\u0663", "x-holdfast-epoch must be a number"),
        ("x-holdfast-epoch", "1" * 5000, "x-holdfast-epoch must be a number"),
        ("x-holdfast-epoch", None, "x-holdfast-epoch must be a number, not None"),
        ("x-holdfast-slot", None, "x-holdfast-slot must be page, count, base and weight"),
        ("x-holdfast-slot", "0.3.0", "x-holdfast-slot must be page, count, base and weight"),
        ("x-holdfast-slot", "0.3.x.0", "x-holdfast-slot must be a number, not 'x'"),
        ("x-holdfast-slot", "-1.3.0.0", "x-holdfast-slot must be a number, not '-1'"),
        ("x-holdfast-slot", "0.3.0.--1", "x-holdfast-slot must be a number, not '-1'"),
        ("x-holdfast-durable", None, "x-holdfast-durable must be a number"),
        ("x-holdfast-taken", "s#17", "x-holdfast-taken is not JSON"),
        ("x-holdfast-taken", "{}", "x-holdfast-taken must be a list of strings"),
        ("x-holdfast-taken", "[1]", "x-holdfast-taken must be a list of strings"),
        ("x-holdfast-taken", "[" * 100_000, "x-holdfast-taken is not JSON"),
    ],
)
def test_half_a_grant_is_refused(header: str, value: str | None, sentence: str) -> None:
    """A grant that cannot be read is an error that names the header; to guess would be to write somewhere else."""
    headers = {**HEADERS, header: value}
    with pytest.raises(DecodeError) as raised:
        grant_from_headers({name: each for name, each in headers.items() if each is not None})
    assert sentence in str(raised.value)
    assert len(str(raised.value)) < 300


def test_the_answer_says_how_far_the_handler_got() -> None:
    """The place of the next append travels with the answer, and whether the last append is accounted for."""
    sure, unsure = (
        Reached(slot=Slot(page=0, count=4, base=0, frames_bytes=-11), is_certain=True),
        Reached(slot=Slot(page=3, count=0, base=40, frames_bytes=0), is_certain=False),
    )
    assert reached_headers(sure) == {"x-holdfast-reached": "0.4.0.-11"}
    assert reached_headers(unsure) == {"x-holdfast-reached": "3.0.40.0?"}
    for reached in (sure, unsure):
        assert reached_from_headers(reached_headers(reached)) == reached
    assert unsure.slot.length == 40


def test_handlers_that_append_nothing_say_nothing() -> None:
    """An answer without the header is one of a handler that never appended."""
    assert reached_from_headers({"content-type": "text/plain"}) is None


@pytest.mark.parametrize("value", ["", "0.4.0", "0.4.0.7??", "?", "0.4.0.7 ", "0.4.0.7.8"])
def test_a_garbled_place_is_refused(value: str) -> None:
    """A header that is no place is an error, and not the place 0."""
    with pytest.raises(DecodeError, match="x-holdfast-reached"):
        reached_from_headers({"x-holdfast-reached": value})


@pytest.mark.parametrize(
    ("sdk_version", "takes"),
    [
        ("restate-sdk-holdfast/0.1.0", True),
        ("restate-sdk-holdfast", True),
        ("restate-sdk-holdfast-next/0.1.0", False),
        ("restate-sdk-python/1.3.0", False),
        (None, False),
    ],
)
def test_who_takes_grants(sdk_version: str | None, takes: bool) -> None:
    """Only SDKs that know the headers are sent them."""
    assert takes_grants(sdk_version) is takes
