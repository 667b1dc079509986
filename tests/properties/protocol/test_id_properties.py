"""Identifier strings: one spelling per id, and no text raises anything but the one error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import (
    decode_awakeable_id,
    decode_deployment_id,
    decode_invocation_id,
    encode_awakeable_id,
    encode_deployment_id,
    encode_invocation_id,
    ulid,
)

raw24 = st.binary(min_size=24, max_size=24)
raw16 = st.binary(min_size=16, max_size=16)
base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
prefix = st.sampled_from(["inv_1", "dp_1", "sign_1", "prom_1", ""])
looks_like_an_id = st.one_of(
    st.text(max_size=60),
    st.builds("{}{}".format, prefix, st.text(alphabet=base62 + "-_=", min_size=20, max_size=42)),
    st.builds("{}{}".format, prefix, st.text(alphabet=base62, min_size=33, max_size=33)),
    st.builds("{}{}".format, prefix, st.text(alphabet=base62, min_size=22, max_size=22)),
    st.builds("{}{}".format, prefix, st.text(alphabet=base62 + "-_", min_size=38, max_size=38)),
)


@given(raw24)
def test_invocation_ids_survive(raw: bytes) -> None:
    """Every raw id has a string of 38 characters that reads back as it."""
    text = encode_invocation_id(raw)
    assert len(text) == 38
    assert decode_invocation_id(text) == raw


@given(raw16)
def test_deployment_ids_survive(raw: bytes) -> None:
    """Every raw id has a string of 26 characters that reads back as it."""
    text = encode_deployment_id(raw)
    assert len(text) == 26
    assert decode_deployment_id(text) == raw


@given(raw24, st.integers(0, 2**32 - 1), st.sampled_from(["", "=", "=="]))
def test_awakeable_ids_survive(raw: bytes, signal_id: int, padding: str) -> None:
    """Every signal of every invocation has a string that reads back as both, padded or not."""
    text = encode_awakeable_id(raw, signal_id)
    assert len(text) == 44
    assert decode_awakeable_id(text + padding) == (raw, signal_id)


@pytest.mark.parametrize(
    ("decode", "encode"),
    [
        (decode_invocation_id, encode_invocation_id),
        (decode_deployment_id, encode_deployment_id),
        (decode_awakeable_id, lambda parts: encode_awakeable_id(*parts)),
    ],
    ids=["invocation", "deployment", "awakeable"],
)
@given(text=looks_like_an_id)
def test_text_is_refused_or_is_the_one_spelling(
    decode: Callable[[str], object], encode: Callable[..., str], text: str
) -> None:
    """Arbitrary text gives the one error, or an id whose string is that text."""
    try:
        value = decode(text)
    except DecodeError as error:
        reason = str(error)
    else:
        reason = ""
        assert encode(value) == text.rstrip("=")
    assert len(reason) < 400


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ulids_sort_by_time(one_ms: int, other_ms: int, entropy: bytes) -> None:
    """Whatever their entropy, ids of different milliseconds sort as the times do."""
    one, other = ulid(one_ms, entropy), ulid(other_ms, entropy[::-1])
    if one_ms != other_ms:
        assert (one < other) == (one_ms < other_ms)
