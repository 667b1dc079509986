"""The errors that the package raises at its callers."""

from __future__ import annotations

# Enough to recognise a value in a log; a hostile one must not fill it.
_EXCERPT_CHARS_MAX = 80
_EXCERPT_BITS_MAX = 64


class DecodeError(ValueError):
    """The input is not what its decoder reads; the one error of every decoder in the package."""


class FrameTooLargeError(ValueError):
    """A frame that is being written would exceed the largest body a peer accepts."""


def excerpt(value: object) -> str:
    """Return a short text for `value` that an error message can carry.

    Clipping comes before `repr`, so that a value of megabytes costs nothing.
    """
    if isinstance(value, (str, bytes)):
        return repr(value[:_EXCERPT_CHARS_MAX]) + ("…" if len(value) > _EXCERPT_CHARS_MAX else "")
    if isinstance(value, int) and value.bit_length() > _EXCERPT_BITS_MAX:
        return f"a number of {value.bit_length()} bits"
    if value is None or isinstance(value, (int, float)):
        return repr(value)
    return f"a value of type {type(value).__name__}"
