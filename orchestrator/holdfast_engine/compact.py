"""Small records as the short texts that items and columns hold, and back: every byte of a head is paid for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from holdfast_engine.records import (
    Awaiting,
    Caller,
    Failure,
    KeyRef,
    Kind,
    LastFailure,
    Origin,
    Outcome,
    Sink,
    Target,
    Trace,
)

_SEPARATOR = "\x1f"
_ESCAPE = "\x1e"
_NONE = _ESCAPE + "2"

_LETTER_BY_KIND = {Kind.STATELESS: "s", Kind.EXCLUSIVE: "x", Kind.SHARED: "h", Kind.WORKFLOW: "w"}
_KIND_BY_LETTER = {letter: kind for kind, letter in _LETTER_BY_KIND.items()}

# Fewer are as short one by one.
_RUN_MIN = 4
_NONCE_BYTES = 12
_VALUE = b"\x00"
_FAILURE = b"\x01"
_TEXT = b"\xff"


@lru_cache(maxsize=4096)
def key_text(key: KeyRef) -> str:
    """Return a key as one text: scope, service and key."""
    return _joined((key.scope or "", key.service, key.key))


def key_of(text: str) -> KeyRef:
    """Return the key a text stands for."""
    scope, service, key = _split(text)
    assert service is not None
    assert key is not None
    return KeyRef(service=service, key=key, scope=scope or None)


def target_text(target: Target, kind: Kind) -> str:
    """Return what an invocation calls as one text."""
    parts: list[str | None] = [target.service, target.handler, target.key, target.scope]
    while parts[-1] is None:
        parts.pop()
    return _LETTER_BY_KIND[kind] + _joined(parts)


def target_of(text: str) -> tuple[Target, Kind]:
    """Return what a text calls."""
    service, handler, key, scope, *_ = [*_split(text[1:]), None, None]
    assert service is not None
    assert handler is not None
    return Target(service=service, key=key, handler=handler, scope=scope), _KIND_BY_LETTER[text[0]]


def caller_text(caller: Caller) -> str:
    """Return who created an invocation."""
    return f"{_command_text(caller)}.{caller.invocation_id}"


def caller_of(text: str) -> Caller:
    """Return who a text names."""
    command, _, invocation_id = text.partition(".")
    completion_id, first_epoch = _command_of(command)
    return Caller(invocation_id=invocation_id, completion_id=completion_id, first_epoch=first_epoch)


def sink_text(sink: Sink) -> str:
    """Return who wants an outcome."""
    return f"{sink.completion_type:x}.{_command_text(sink)}.{sink.invocation_id}"


def sink_of(text: str) -> Sink:
    """Return the sink a text names."""
    completion_type, command, invocation_id = text.split(".", 2)
    completion_id, first_epoch = _command_of(command)
    return Sink(
        invocation_id=invocation_id,
        completion_id=completion_id,
        completion_type=int(completion_type, 16),
        first_epoch=first_epoch,
    )


def _command_text(by: Caller | Sink) -> str:
    return f"{by.completion_id}" if by.first_epoch == 1 else f"{by.completion_id}@{by.first_epoch}"


def _command_of(text: str) -> tuple[int, int]:
    completion_id, _, first_epoch = text.partition("@")
    return int(completion_id), int(first_epoch or 1)


def awaiting_text(awaiting: Awaiting) -> str:
    """Return an await tree."""
    return _dumped(_node(awaiting))


def awaiting_of(text: str) -> Awaiting:
    """Return the tree of a text."""
    return _awaiting(json.loads(text))


def last_failure_text(failure: LastFailure) -> str:
    """Return why an attempt failed."""
    return _dumped(
        [
            failure.code,
            failure.at_ms,
            failure.message,
            failure.rt_code,
            failure.stacktrace,
            failure.command_index,
            failure.command_type,
            failure.command_name,
        ]
    )


def last_failure_of(text: str) -> LastFailure:
    """Return the failure a text tells of."""
    code, at_ms, message, rt_code, stacktrace, command_index, command_type, command_name = json.loads(text)
    return LastFailure(
        code=code,
        message=message,
        stacktrace=stacktrace,
        rt_code=rt_code,
        command_index=command_index,
        command_name=command_name,
        command_type=command_type,
        at_ms=at_ms,
    )


def outcome_bytes(outcome: Outcome) -> bytes:
    """Return how an invocation or a promise ended."""
    if outcome.failure is None:
        return _VALUE + (outcome.value or b"")
    failure = outcome.failure
    return _FAILURE + _dumped([failure.code, failure.message, failure.metadata]).encode()


def outcome_of(data: bytes) -> Outcome:
    """Return the outcome that bytes tell of."""
    if data[:1] == _VALUE:
        return Outcome(value=data[1:])
    code, message, metadata = json.loads(data[1:])
    return Outcome(
        failure=Failure(code=code, message=message, metadata=tuple((name, value) for name, value in metadata))
    )


def origin_text(origin: Origin) -> str:
    """Return what an invocation was restarted from."""
    return f"{origin.copied}.{origin.seed:x}.{'p' if origin.is_pinned else ''}.{origin.invocation_id}"


def origin_of(text: str) -> Origin:
    """Return the origin a text names."""
    copied, seed, pinned, invocation_id = text.split(".", 3)
    return Origin(invocation_id=invocation_id, copied=int(copied), seed=int(seed, 16), is_pinned=pinned == "p")


def trace_text(trace: Trace) -> str:
    """Return a trace context."""
    return f"{trace.parent}{_SEPARATOR}{trace.state}"


def trace_of(text: str) -> Trace:
    """Return the trace context of a text."""
    parent, _, state = text.partition(_SEPARATOR)
    return Trace(parent=parent, state=state)


def nonce_bytes(nonce: str) -> bytes:
    """Return a nonce, which is twelve random bytes in hexadecimal digits, as those; any other text as itself."""
    if len(nonce) == 2 * _NONCE_BYTES:
        try:
            raw = bytes.fromhex(nonce)
        except ValueError:
            raw = b""
        if raw.hex() == nonce:
            return raw
    text = _TEXT + nonce.encode()
    # Twelve bytes are always the raw form.
    return _TEXT + text if len(text) == _NONCE_BYTES else text


def nonce_of(data: bytes) -> str:
    """Return the nonce that bytes stand for."""
    return data.hex() if len(data) == _NONCE_BYTES else data.lstrip(_TEXT).decode()


def _joined(parts: Sequence[str | None]) -> str:
    return _SEPARATOR.join([_NONE if part is None else _escaped(part) for part in parts])


def _split(text: str) -> list[str | None]:
    return [None if part == _NONE else _plain(part) for part in text.split(_SEPARATOR)]


def _escaped(part: str) -> str:
    if _ESCAPE in part or _SEPARATOR in part:
        return part.replace(_ESCAPE, _ESCAPE + "0").replace(_SEPARATOR, _ESCAPE + "1")
    return part


def _plain(part: str) -> str:
    if _ESCAPE in part:
        return part.replace(_ESCAPE + "1", _SEPARATOR).replace(_ESCAPE + "0", _ESCAPE)
    return part


def _node(awaiting: Awaiting) -> list[Any]:
    node: list[Any] = [
        awaiting.combinator,
        list(_runs(awaiting.completions)),
        awaiting.signals,
        awaiting.names,
        [_node(child) for child in awaiting.nested],
    ]
    while node and not node[-1]:
        node.pop()
    return node


def _awaiting(node: list[Any]) -> Awaiting:
    combinator, completions, signals, names, nested = node + [0, (), (), (), ()][len(node) :]
    return Awaiting(
        combinator=combinator,
        completions=tuple(_spread(completions)),
        signals=tuple(signals),
        names=tuple(names),
        nested=tuple(_awaiting(child) for child in nested),
    )


def _runs(numbers: Sequence[int]) -> Iterator[int | list[int]]:
    """Yield numbers, those that follow each other at one distance as first, last and distance.

    Completions of calls that are awaited together mostly do. Everyone who has one reads the head that lists them.
    """
    start = 0
    while start < len(numbers):
        end = start + 1
        step = numbers[end] - numbers[start] if end < len(numbers) else 0
        while step and end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        if end - start >= _RUN_MIN:
            yield [numbers[start], numbers[end - 1], step]
        else:
            yield from numbers[start:end]
        start = end


def _spread(runs: Iterable[int | list[int]]) -> Iterator[int]:
    for run in runs:
        if isinstance(run, int):
            yield run
        else:
            first, last, step = run
            yield from range(first, last + step, step)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
