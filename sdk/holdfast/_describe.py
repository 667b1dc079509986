"""Describing commands to people: what one is called, and where two of them differ."""

from __future__ import annotations

from typing import Any

from holdfast_protocol.messages import Message, MessageType

_TEXT_CHARS_MAX = 120
_TITLE_BY_TYPE = {
    MessageType.INPUT: "handler input",
    MessageType.OUTPUT: "handler return",
    MessageType.GET_LAZY_STATE: "get state",
    MessageType.GET_EAGER_STATE: "get state",
    MessageType.GET_LAZY_STATE_KEYS: "get state keys",
    MessageType.GET_EAGER_STATE_KEYS: "get state keys",
    MessageType.SET_STATE: "set state",
    MessageType.CLEAR_STATE: "clear state",
    MessageType.CLEAR_ALL_STATE: "clear all state",
    MessageType.GET_PROMISE: "get promise",
    MessageType.PEEK_PROMISE: "peek promise",
    MessageType.COMPLETE_PROMISE: "complete promise",
    MessageType.SLEEP: "sleep",
    MessageType.CALL: "call",
    MessageType.ONE_WAY_CALL: "send",
    MessageType.SEND_SIGNAL: "send signal",
    MessageType.RUN: "run",
    MessageType.ATTACH_INVOCATION: "attach invocation",
    MessageType.GET_INVOCATION_OUTPUT: "get invocation output",
    MessageType.COMPLETE_AWAKEABLE: "complete awakeable",
}


def entry_name(command: Message) -> str:
    """Return the name that a command's journal entry carries."""
    return str(getattr(command, "entry_name", "") or getattr(command, "name", ""))


def title(message_type: int, command: Message) -> str:
    """Return what a command is called: its kind, and the name or target that tells it from others of its kind."""
    kind = _TITLE_BY_TYPE.get(MessageType(message_type), f"command 0x{message_type:04X}")
    subject = _subject(command)
    return f"{kind} {subject}" if subject else kind


def differences(recorded: Message, asked: Message) -> list[tuple[str, str, str]]:
    """Return the fields in which two commands of one type differ, each with both sides as text."""
    found = []
    for field in recorded.DESCRIPTOR.fields:
        before, now = getattr(recorded, field.name), getattr(asked, field.name)
        if before != now or (field.has_presence and recorded.HasField(field.name) != asked.HasField(field.name)):
            found.append((field.name, _text(before), _text(now)))
    return found


def _subject(command: Any) -> str:
    if hasattr(command, "service"):
        key = f"/{command.key}" if command.key else ""
        return f"{command.service}{key}/{command.handler}"
    for field in ("key", "awakeable_id", "target_invocation_id", "invocation_id"):
        if value := getattr(command, field, None):
            return _text(value)
    name = entry_name(command)
    return _text(name) if name else ""


def _text(value: Any) -> str:
    """Return a field's value as one short line."""
    if isinstance(value, Message):
        for field in ("content", "message"):
            if hasattr(value, field):
                return _text(getattr(value, field))
        value = str(value).replace("\n", " ").strip() or "nothing"
    elif isinstance(value, bytes):
        value = repr(value[: _TEXT_CHARS_MAX + 1].decode(errors="backslashreplace"))
    elif isinstance(value, str):
        value = repr(value[: _TEXT_CHARS_MAX + 1])
    text = str(value)
    return text if len(text) <= _TEXT_CHARS_MAX else text[:_TEXT_CHARS_MAX] + "…"
