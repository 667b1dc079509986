"""The errors that the package raises at its callers."""

from __future__ import annotations

# Enough to recognise a value in a log; a hostile one must not fill it.
_EXCERPT_CHARS_MAX = 80


class DecodeError(ValueError):
    """The input is not what its decoder reads; the one error of every decoder in the package."""


class FrameTooLargeError(ValueError):
    """A frame that is being written would exceed the largest body a peer accepts."""


def excerpt(value: object) -> str:
    """Return a short representation of `value` for an error message.

    Slicing comes before `repr`, so that a value of megabytes costs nothing.
    """
    if isinstance(value, (str, bytes)):
        clipped = value[:_EXCERPT_CHARS_MAX]
        return repr(clipped) + ("…" if len(value) > _EXCERPT_CHARS_MAX else "")
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    return type(value).__name__
