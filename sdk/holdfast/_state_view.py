"""The state view: what an attempt knows of its key's state, from the start message and its own writes."""

from __future__ import annotations

from enum import Enum, auto
from typing import Literal, TypeAlias

from holdfast_protocol.schema_pb2 import Start


class _Unknown(Enum):
    UNKNOWN = auto()


UNKNOWN = _Unknown.UNKNOWN
Known: TypeAlias = bytes | None


class StateView:
    """The values that are known, those known to be absent, and whether anything else may exist."""

    __slots__ = ("_is_complete", "_values")

    def __init__(self, start: Start) -> None:
        self._values: dict[bytes, Known] = {entry.key: entry.value for entry in start.state_map}
        self._is_complete = not start.partial_state

    def get(self, key: bytes) -> Known | Literal[_Unknown.UNKNOWN]:
        """Return a value, None if there is none, or UNKNOWN."""
        return self._values.get(key, None if self._is_complete else UNKNOWN)

    def keys(self) -> list[bytes] | None:
        """Return the keys that have a value, sorted, or None when there may be others."""
        if not self._is_complete:
            return None
        return sorted(key for key, value in self._values.items() if value is not None)

    def set(self, key: bytes, value: bytes) -> None:
        """Take in a write."""
        self._values[key] = value

    def clear(self, key: bytes) -> None:
        """Take in that a value was removed."""
        self._values[key] = None

    def clear_all(self) -> None:
        """Take in that everything was removed; from here on everything is known."""
        self._values.clear()
        self._is_complete = True
