"""How values of the engine's records are written as attributes of items: one class per kind of value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import BINARY, BOOLEAN, LIST, MAP, NUMBER, STRING

from holdfast_engine import compact
from holdfast_engine.records import (
    Awaiting,
    Caller,
    Kept,
    Kind,
    LastFailure,
    Origin,
    Outcome,
    Sink,
    Status,
    Target,
    Trace,
)
from holdfast_protocol.items import STATUS_COMPLETED

_LETTER_BY_STATUS = {
    Status.SCHEDULED: "w",
    Status.QUEUED: "q",
    Status.READY: "y",
    Status.RUNNING: "r",
    Status.SUSPENDED: "s",
    Status.BACKING_OFF: "b",
    Status.PAUSED: "p",
    Status.COMPLETED: STATUS_COMPLETED,
}
_STATUS_BY_LETTER = {letter: status for status, letter in _LETTER_BY_STATUS.items()}


class IntAttribute(Attribute[int]):
    """A whole number."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Return it as DynamoDB takes it."""
        return str(value)

    def deserialize(self, value: str) -> int:
        """Return the number."""
        return int(value)


class BytesAttribute(Attribute[bytes]):
    """Bytes as they are; pynamodb's own attribute asks on every use which encoding is meant."""

    attr_type = BINARY


class FlagAttribute(Attribute[bool]):
    """True, or absent: a false one would be paid for."""

    attr_type = BOOLEAN


class StatusAttribute(Attribute[Status]):
    """A status as one letter."""

    attr_type = STRING

    def serialize(self, value: Status) -> str:
        """Return its letter."""
        return _LETTER_BY_STATUS[value]

    def deserialize(self, value: str) -> Status:
        """Return the status."""
        return _STATUS_BY_LETTER[value]


class TargetAttribute(Attribute[tuple[Target, Kind]]):
    """What an invocation calls, and of which kind that is."""

    attr_type = STRING

    def serialize(self, value: tuple[Target, Kind]) -> str:
        """Return it as text."""
        return compact.target_text(*value)

    def deserialize(self, value: str) -> tuple[Target, Kind]:
        """Return both."""
        return compact.target_of(value)


class CallerAttribute(Attribute[Caller]):
    """Who created an invocation."""

    attr_type = STRING

    def serialize(self, value: Caller) -> str:
        """Return it as text."""
        return compact.caller_text(value)

    def deserialize(self, value: str) -> Caller:
        """Return the caller."""
        return compact.caller_of(value)


class AwaitingAttribute(Attribute[Awaiting]):
    """What a suspended invocation waits for."""

    attr_type = STRING

    def serialize(self, value: Awaiting) -> str:
        """Return it as text."""
        return compact.awaiting_text(value)

    def deserialize(self, value: str) -> Awaiting:
        """Return the tree."""
        return compact.awaiting_of(value)


class LastFailureAttribute(Attribute[LastFailure]):
    """Why the latest attempt failed."""

    attr_type = STRING

    def serialize(self, value: LastFailure) -> str:
        """Return it as text."""
        return compact.last_failure_text(value)

    def deserialize(self, value: str) -> LastFailure:
        """Return the failure."""
        return compact.last_failure_of(value)


class OutcomeAttribute(Attribute[Outcome]):
    """How an invocation or a promise ended."""

    attr_type = BINARY

    def serialize(self, value: Outcome) -> bytes:
        """Return it as bytes."""
        return compact.outcome_bytes(value)

    def deserialize(self, value: bytes) -> Outcome:
        """Return the outcome."""
        return compact.outcome_of(value)


class KeptAttribute(Attribute[Kept]):
    """What is left of an invocation, as one letter."""

    attr_type = STRING

    def serialize(self, value: Kept) -> str:
        """Return its letter."""
        return value.value[0]

    def deserialize(self, value: str) -> Kept:
        """Return what is left."""
        return next(kept for kept in Kept if kept.value[0] == value)


class OriginAttribute(Attribute[Origin]):
    """What an invocation was restarted from."""

    attr_type = STRING

    def serialize(self, value: Origin) -> str:
        """Return it as text."""
        return compact.origin_text(value)

    def deserialize(self, value: str) -> Origin:
        """Return the origin."""
        return compact.origin_of(value)


class TraceAttribute(Attribute[Trace]):
    """A trace context."""

    attr_type = STRING

    def serialize(self, value: Trace) -> str:
        """Return it as text."""
        return compact.trace_text(value)

    def deserialize(self, value: str) -> Trace:
        """Return the context."""
        return compact.trace_of(value)


class NonceAttribute(Attribute[str]):
    """A creator's mark."""

    attr_type = BINARY

    def serialize(self, value: str) -> bytes:
        """Return it as bytes."""
        return compact.nonce_bytes(value)

    def deserialize(self, value: bytes) -> str:
        """Return the mark."""
        return compact.nonce_of(value)


class FramesAttribute(Attribute[list[bytes]]):
    """Raw frames, one element each, so that `list_append` extends a page without knowing it."""

    attr_type = LIST

    def serialize(self, value: Iterable[bytes]) -> list[dict[str, bytes]]:
        """Return the elements."""
        return [{BINARY: frame} for frame in value]

    def deserialize(self, value: list[dict[str, bytes]]) -> list[bytes]:
        """Return the frames."""
        return [element[BINARY] for element in value]


class TextsAttribute(Attribute[list[str]]):
    """Texts in order."""

    attr_type = LIST

    def serialize(self, value: Iterable[str]) -> list[dict[str, str]]:
        """Return the elements."""
        return [{STRING: text} for text in value]

    def deserialize(self, value: list[dict[str, str]]) -> list[str]:
        """Return the texts."""
        return [element[STRING] for element in value]


class SinksAttribute(Attribute[list[Sink]]):
    """Who wants an outcome, in the order they came."""

    attr_type = LIST

    def serialize(self, value: Iterable[Sink]) -> list[dict[str, str]]:
        """Return the elements."""
        return [{STRING: compact.sink_text(sink)} for sink in value]

    def deserialize(self, value: list[dict[str, str]]) -> list[Sink]:
        """Return the sinks."""
        return [compact.sink_of(element[STRING]) for element in value]


class StateAttribute(Attribute[Mapping[str, Any]]):
    """A key's state by name, as raw attribute values: bytes, or text that says where the bytes are."""

    attr_type = MAP
