"""Identifier strings: how raw ids of invocations, deployments and awakeables are written and read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from functools import lru_cache

from holdfast_protocol.errors import DecodeError, excerpt

INVOCATION_ID_BYTES = 24
DEPLOYMENT_ID_BYTES = 16

# Signals below 17 belong to the protocol: 0 is unknown, 2 to 15 are reserved, 16 is unused.
CANCEL_SIGNAL_ID = 1
FIRST_AWAKEABLE_SIGNAL_ID = 17

_INVOCATION_PREFIX = "inv_1"
_DEPLOYMENT_PREFIX = "dp_1"
_AWAKEABLE_PREFIX = "sign_1"
_OLD_AWAKEABLE_PREFIX = "prom_1"

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGIT_BY_CHAR = {char: digit for digit, char in enumerate(_ALPHABET)}
# Two digits per division halve the work on numbers wider than a machine word.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]

_CHARS_64_BIT = 11
_CHARS_128_BIT = 22
_PARTITION_KEY_BYTES = 8
_SIGNAL_ID_BYTES = 4
_SIGNAL_ID_MAX = 2**32 - 1
_AWAKEABLE_BYTES = INVOCATION_ID_BYTES + _SIGNAL_ID_BYTES

_ULID_TIME_BYTES = 6
_ULID_ENTROPY_BYTES = 10


def encode_invocation_id(raw24: bytes) -> str:
    """Return the `inv_…` string of a raw invocation id: 8 bytes of partition key and 16 of identity."""
    _require_length(raw24, INVOCATION_ID_BYTES, "an invocation id")
    partition_key = _encode_partition_key(raw24[:_PARTITION_KEY_BYTES])
    return _INVOCATION_PREFIX + partition_key + _encode_field(raw24[_PARTITION_KEY_BYTES:], _CHARS_128_BIT)


@lru_cache(maxsize=1024)
def decode_invocation_id(text: str) -> bytes:
    """Return the 24 raw bytes of an `inv_…` string.

    Raises:
        DecodeError: `text` is not an invocation id.
    """
    digits = _digits_after(_INVOCATION_PREFIX, text, _CHARS_64_BIT + _CHARS_128_BIT, "an invocation")
    partition_key = _decode_field(digits[:_CHARS_64_BIT], _PARTITION_KEY_BYTES, text)
    return partition_key + _decode_field(digits[_CHARS_64_BIT:], DEPLOYMENT_ID_BYTES, text)


def encode_deployment_id(raw16: bytes) -> str:
    """Return the `dp_…` string of a raw deployment id."""
    _require_length(raw16, DEPLOYMENT_ID_BYTES, "a deployment id")
    return _DEPLOYMENT_PREFIX + _encode_field(raw16, _CHARS_128_BIT)


def decode_deployment_id(text: str) -> bytes:
    """Return the 16 raw bytes of a `dp_…` string.

    Raises:
        DecodeError: `text` is not a deployment id.
    """
    digits = _digits_after(_DEPLOYMENT_PREFIX, text, _CHARS_128_BIT, "a deployment")
    return _decode_field(digits, DEPLOYMENT_ID_BYTES, text)


def encode_awakeable_id(raw24: bytes, signal_id: int) -> str:
    """Return the public `sign_…` string of a signal of one invocation."""
    _require_length(raw24, INVOCATION_ID_BYTES, "an invocation id")
    if not 0 <= signal_id <= _SIGNAL_ID_MAX:
        raise ValueError(f"signal id {signal_id} does not fit 32 bits")
    packed = raw24 + signal_id.to_bytes(_SIGNAL_ID_BYTES, "big")
    return _AWAKEABLE_PREFIX + urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode_awakeable_id(text: str) -> tuple[bytes, int]:
    """Return the raw invocation id and the signal id of a `sign_…` string; `=` padding is accepted.

    Raises:
        DecodeError: `text` is not an awakeable id, or one of the retired `prom_1` kind.
    """
    if text.startswith(_OLD_AWAKEABLE_PREFIX):
        raise DecodeError(
            f"{excerpt(text)} is an awakeable id of the retired {_OLD_AWAKEABLE_PREFIX} kind;"
            f" only ids that start with {_AWAKEABLE_PREFIX} can be completed"
        )
    encoded = text.removeprefix(_AWAKEABLE_PREFIX).rstrip("=")
    # 28 bytes are 38 characters; asking first keeps a long input from being decoded at all.
    if not text.startswith(_AWAKEABLE_PREFIX) or len(encoded) != 38:
        raise _not_an_id(text, "an awakeable")
    try:
        packed = urlsafe_b64decode(encoded + "==")
    except (Base64Error, ValueError) as error:
        raise _not_an_id(text, "an awakeable") from error
    # The base64 module skips foreign characters and ignores spare bits; one id must have one spelling.
    if urlsafe_b64encode(packed).rstrip(b"=") != encoded.encode("ascii") or len(packed) != _AWAKEABLE_BYTES:
        raise _not_an_id(text, "an awakeable")
    return packed[:INVOCATION_ID_BYTES], int.from_bytes(packed[INVOCATION_ID_BYTES:], "big")


def ulid(time_ms: int, entropy: bytes) -> bytes:
    """Return a 16-byte id that sorts by time: 48 bits of milliseconds, then 10 bytes of entropy."""
    _require_length(entropy, _ULID_ENTROPY_BYTES, "the entropy of an id")
    if not 0 <= time_ms < 1 << 8 * _ULID_TIME_BYTES:
        raise ValueError(f"time {time_ms} ms does not fit 48 bits")
    return time_ms.to_bytes(_ULID_TIME_BYTES, "big") + entropy


@lru_cache(maxsize=1024)
def _encode_partition_key(raw: bytes) -> str:
    # All invocations of a service have the same.
    return _encode_field(raw, _CHARS_64_BIT)


def _encode_field(raw: bytes, width: int) -> str:
    # The strings were fixed by an implementation that reads the wire bytes as a little-endian number.
    number = int.from_bytes(raw, "little")
    pairs = []
    while number:
        number, pair = divmod(number, 3844)
        pairs.append(_PAIRS[pair])
    pairs.reverse()
    return "".join(pairs).rjust(width, "0")[-width:]


def _decode_field(digits: str, width: int, text: str) -> bytes:
    number = 0
    try:
        for char in digits:
            number = number * 62 + _DIGIT_BY_CHAR[char]
        return number.to_bytes(width, "little")
    except KeyError as error:
        raise DecodeError(f"{excerpt(text)} contains a character that no id has: {error}") from error
    except OverflowError as error:
        raise DecodeError(f"{excerpt(text)} is out of range: a field exceeds {8 * width} bits") from error


def _digits_after(prefix: str, text: str, count: int, kind: str) -> str:
    if not text.startswith(prefix) or len(text) != len(prefix) + count:
        raise _not_an_id(text, kind)
    return text[len(prefix) :]


def _not_an_id(text: str, kind: str) -> DecodeError:
    return DecodeError(f"not the id of {kind}: {excerpt(text)}")


def _require_length(raw: bytes, length: int, what: str) -> None:
    if len(raw) != length:
        raise ValueError(f"{what} has {length} bytes, not {len(raw)}")
