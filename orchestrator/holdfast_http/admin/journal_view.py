"""A journal for people: each entry's type, its fields, whether it is completed, and previews of its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast_http.times import rfc3339
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, MessageType, decode, is_command, is_completion

# Enough to recognise a value by.
PREVIEW_CHARS_MAX = 200
# Whoever wants a value whole has it up to here; an answer of Lambda's holds 6 MB.
WHOLE_CHARS_MAX = 20_000

# The schema says more exactly what a reader need not tell apart.
_SHOWN_NAME = {
    "entry_name": "name",
    "result_completion_id": "completion_id",
    "parameter": "value",
    "completion_value": "value",
    "completion_failure": "failure",
    "wake_up_time": "wake_up_at",
    "invoke_time": "invoke_at",
    "idx": "signal_id",
}
_TIMES = frozenset({"wake_up_time", "invoke_time"})
_CALLS = pb.CallCommand | pb.OneWayCallCommand
_HIDDEN = frozenset({"void", "headers", "invocation_id_notification_idx"})


def journal_json(frames: Sequence[bytes], *, chars_max: int = PREVIEW_CHARS_MAX) -> list[dict[str, Any]]:
    """Return the entries of a journal in order; one that cannot be read says so and keeps its place."""
    entries = [_entry(index, raw, chars_max) for index, raw in enumerate(frames)]
    callees = {
        entry["completion_id"]: entry["invocation_id"]
        for entry, raw in zip(entries, frames, strict=True)
        if is_completion(frame_type(raw)) and "invocation_id" in entry
    }
    answered = {
        entry.get("completion_id") for entry, raw in zip(entries, frames, strict=True) if is_completion(frame_type(raw))
    }
    for entry, raw in zip(entries, frames, strict=True):
        if is_command(frame_type(raw)):
            completion_id = entry.get("completion_id")
            entry["completed"] = completion_id is None or completion_id in answered
            if (callee := callees.get(_told_by(raw))) is not None:
                entry["callee"] = callee
    return entries


def preview(content: bytes, chars_max: int = PREVIEW_CHARS_MAX) -> str:
    """Return bytes as text, cut to a bound; what is not text is described by its length."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"<{len(content)} bytes>"
    if len(text) <= chars_max:
        return text
    return f"{text[:chars_max]}… ({len(content)} bytes)"


def _told_by(raw: bytes) -> int | None:
    """Return which completion tells whom a command has called."""
    try:
        command = decode(raw)
    except DecodeError:
        return None
    return command.invocation_id_notification_idx if isinstance(command, _CALLS) else None


def _entry(index: int, raw: bytes, chars_max: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": index, "type": type_label(frame_type(raw))}
    try:
        message = decode(raw)
    except DecodeError as error:
        return {**entry, "unreadable": str(error)}
    if isinstance(message, _CALLS):
        entry["target"] = "/".join(part for part in (message.service, message.key, message.handler) if part)
    return {**entry, **_fields(message, chars_max)}


def _fields(message: Message, chars_max: int) -> dict[str, Any]:
    shown = {}
    for descriptor, value in message.ListFields():
        name = descriptor.name
        if name not in _HIDDEN:
            shown[_shown_name(message, name)] = _moment(value) if name in _TIMES else _shown(value, chars_max)
    return shown


def _shown_name(message: Message, name: str) -> str:
    # The one message whose own `name` is not the entry's.
    if name == "name" and isinstance(message, pb.SendSignalCommand):
        return "signal_name"
    return _SHOWN_NAME.get(name, name)


def _moment(at_ms: int) -> str:
    try:
        return rfc3339(at_ms)
    except OverflowError:
        return "after the last year that a calendar has"


def _shown(value: object, chars_max: int) -> object:
    match value:
        case pb.Value():
            return preview(value.content, chars_max)
        case pb.StateKeys():
            return [preview(key, chars_max) for key in value.keys]
        case pb.Failure():
            return {"code": value.code, "message": value.message}
        case Message():
            return _fields(value, chars_max)
        case bytes():
            return preview(value, chars_max)
        case _:
            return value


def type_label(message_type: int) -> str:
    """Return what kind of entry a frame type stands for, such as `Command: Run`."""
    try:
        name = MessageType(message_type).name
    except ValueError:
        return f"0x{message_type:04X}"
    label = "".join(word.capitalize() for word in name.removesuffix("_COMPLETION").split("_"))
    return f"Command: {label}" if is_command(message_type) else f"Notification: {label}"
