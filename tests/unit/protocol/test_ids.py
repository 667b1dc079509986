"""Identifier strings: the published vectors, and what is not an id."""

from __future__ import annotations

import pytest

from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import (
    CANCEL_SIGNAL_ID,
    FIRST_AWAKEABLE_SIGNAL_ID,
    decode_awakeable_id,
    decode_deployment_id,
    decode_invocation_id,
    encode_awakeable_id,
    encode_deployment_id,
    encode_invocation_id,
    ulid,
)

RAW = bytes(range(24))
VECTORS = [
    (RAW, "inv_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1zy"),
    (
        bytes.fromhex("493c42ed1c3cf1bc018e5257b998007db7f4f3f47e809584"),
        "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz",
    ),
    (bytes(24), "inv_1" + "0" * 33),
    (b"\xff" * 24, "inv_1lYGhA16ahyf7N42dgm5tFLK9N8MT7fHC7"),
]
AWAKEABLE = "sign_1AAECAwQFBgcICQoLDA0ODxAREhMUFRYXAAAAEQ"


@pytest.mark.parametrize(("raw", "text"), VECTORS)
def test_invocation_ids_match_the_published_vectors(raw: bytes, text: str) -> None:
    """Known ids are written and read as other implementations write and read them."""
    assert encode_invocation_id(raw) == text
    assert decode_invocation_id(text) == raw
    assert len(text) == 38


def test_a_random_id_carries_its_time() -> None:
    """The identity half of a published id starts with the milliseconds at which it was made."""
    raw = decode_invocation_id("inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz")
    assert int.from_bytes(raw[8:14], "big") == 1_710_778_464_664  # 18 March 2024


def test_deployment_ids_are_the_second_field_alone() -> None:
    """A deployment id is written as the identity half of an invocation id is."""
    assert encode_deployment_id(RAW[8:]) == "dp_10HyUJWli0aN6NpK3xqX1zy"
    assert decode_deployment_id("dp_10HyUJWli0aN6NpK3xqX1zy") == RAW[8:]
    assert encode_deployment_id(b"\xff" * 16) == "dp_17N42dgm5tFLK9N8MT7fHC7"


def test_the_first_awakeable_matches_the_published_vector() -> None:
    """The first awakeable of an invocation is signal 17 behind the raw invocation id, in URL-safe base64."""
    assert encode_awakeable_id(RAW, FIRST_AWAKEABLE_SIGNAL_ID) == AWAKEABLE
    assert decode_awakeable_id(AWAKEABLE) == (RAW, 17)
    assert CANCEL_SIGNAL_ID == 1


@pytest.mark.parametrize("padding", ["=", "=="])
def test_padding_of_awakeable_ids_is_tolerated(padding: str) -> None:
    """One older SDK pads its awakeable ids, and they decode the same."""
    assert decode_awakeable_id(AWAKEABLE + padding) == (RAW, 17)


def test_retired_awakeable_ids_are_refused_by_name() -> None:
    """An id of the retired kind gets an error that says what it is and which kind is wanted."""
    with pytest.raises(DecodeError, match=r"'prom_1AAEC.*retired prom_1 kind.*start with sign_1"):
        decode_awakeable_id(AWAKEABLE.replace("sign_1", "prom_1"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "inv_",
        "inv_1",
        "inv_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1z",
        "inv_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1zy0",
        "inv_20BnVMHtxjjO0HyUJWli0aN6NpK3xqX1zy",
        "INV_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1zy",
        "dp_110BnVMHtxjjO0HyUJWli0aN6NpK3xqX1zy",
        "inv_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1z!",
        "inv_10BnVMHtxjjO0HyUJWli0aN6NpK3xqX1z٣",
        "inv_10BnVMHtxjjO 0HyUJWli0aN6NpK3xqX1z",
        "inv_1lYGhA16ahyg0000000000000000000000",
        "inv_1000000000007N42dgm5tFLK9N8MT7fHC8",
        "inv_1" + "Z" * 33,
        "x" * 1_000_000,
    ],
)
def test_what_is_not_an_invocation_id_is_refused(text: str) -> None:
    """Wrong prefix, length, alphabet or range is the one error, and its message stays short."""
    with pytest.raises(DecodeError) as caught:
        decode_invocation_id(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "dp_1",
        "dp_10HyUJWli0aN6NpK3xqX1z",
        "dp_1" + "Z" * 22,
        "dp_1" + "_" * 22,
        "inv_10HyUJWli0aN6NpK3xqX1zy",
    ],
)
def test_what_is_not_a_deployment_id_is_refused(text: str) -> None:
    """Wrong prefix, length, alphabet or range is the one error."""
    with pytest.raises(DecodeError):
        decode_deployment_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sign_1",
        "sign_1" + "=" * 38,
        AWAKEABLE[:-1],
        AWAKEABLE + "A",
        AWAKEABLE[6:],
        "sign_2" + AWAKEABLE[6:],
        AWAKEABLE[:-1] + "R",
        AWAKEABLE[:-1] + "+",
        AWAKEABLE[:20] + "\n" + AWAKEABLE[21:],
        AWAKEABLE[:20] + "ä" + AWAKEABLE[21:],
        AWAKEABLE[:20] + "=" + AWAKEABLE[21:],
        "sign_1" + "A" * 10_000_000,
    ],
    ids=range(13),
)
def test_what_is_not_an_awakeable_id_is_refused(text: str) -> None:
    """Wrong prefix, length or alphabet, and bits beyond the last byte, are the one error."""
    with pytest.raises(DecodeError) as caught:
        decode_awakeable_id(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("size", [0, 23, 25])
def test_raw_ids_have_a_fixed_length(size: int) -> None:
    """Encoding refuses raw ids of another length."""
    with pytest.raises(ValueError, match="24 bytes"):
        encode_invocation_id(bytes(size))
    with pytest.raises(ValueError, match="24 bytes"):
        encode_awakeable_id(bytes(size), 17)
    with pytest.raises(ValueError, match="16 bytes"):
        encode_deployment_id(bytes(size))


@pytest.mark.parametrize("signal_id", [-1, 2**32])
def test_signal_ids_fit_32_bits(signal_id: int) -> None:
    """An awakeable id has four bytes for its signal."""
    with pytest.raises(ValueError, match="32 bits"):
        encode_awakeable_id(RAW, signal_id)


def test_ulids_are_time_then_entropy() -> None:
    """Ten bytes of entropy follow 48 bits of milliseconds, so that ids sort by the time they were made."""
    assert ulid(0x0102_0304_0506, b"abcdefghij") == b"\x01\x02\x03\x04\x05\x06abcdefghij"
    assert ulid(1, b"\xff" * 10) < ulid(2, bytes(10))


@pytest.mark.parametrize(("time_ms", "entropy"), [(-1, bytes(10)), (2**48, bytes(10)), (0, bytes(9)), (0, bytes(16))])
def test_ulids_have_bounds(time_ms: int, entropy: bytes) -> None:
    """Times beyond 48 bits and entropy of another length are refused."""
    with pytest.raises(ValueError, match=r"bits|bytes"):
        ulid(time_ms, entropy)
