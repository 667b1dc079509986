"""zstd, where there is an implementation: long journals and long answers fit through Lambda compressed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# What Restate's server takes; higher levels cost much more than they save.
_LEVEL = 3

# Python has one of its own from 3.14 on.
_MODULES = ("compression.zstd", "backports.zstd")


class Undecodable(Exception):
    """What came is not compressed data, or not all of it."""


class TooLong(Exception):
    """What came is longer than the bound when it is decompressed."""


@cache
def has_zstd() -> bool:
    """Return whether this process can do it: a zip may come without it, and then nobody is told otherwise."""
    return _module_name() is not None


def compressed(content: bytes) -> bytes:
    """Return content in less space."""
    packed: bytes = _zstd().compress(content, level=_LEVEL)
    return packed


def decompressed(content: bytes, *, bytes_max: int) -> bytes:
    """Return what was compressed.

    Raises:
        Undecodable: It is no such thing.
        TooLong: It has more than `bytes_max` bytes.
    """
    zstd = _zstd()
    whole = bytearray()
    # One stream may be several frames, one behind the other.
    while content:
        decompressor = zstd.ZstdDecompressor()
        try:
            whole += decompressor.decompress(content, max_length=bytes_max + 1 - len(whole))
        except zstd.ZstdError as error:
            raise Undecodable(f"it is not zstd: {error}") from error
        if len(whole) > bytes_max:
            raise TooLong(f"more than {bytes_max} bytes")
        if not decompressor.eof:
            raise Undecodable("it ends in the middle of a zstd frame")
        content = decompressor.unused_data
    return bytes(whole)


def _module_name() -> str | None:
    return next((name for name in _MODULES if _is_there(name)), None)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@cache
def _zstd() -> Any:
    # Imported when first needed: few journals are that long, and every cold start would pay for it.
    name = _module_name()
    assert name is not None, "nobody was told that zstd is understood here"
    return import_module(name)
