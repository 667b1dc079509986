"""Messages spelled as JSON: what the conformance cases are written in."""

from __future__ import annotations

from typing import Any, cast

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, MessageType, decode, encode, encode_notification, is_notification

ANY = "*"
"""Stands for a value that differs from run to run."""

_CLASS_BY_TYPE: dict[MessageType, Any] = {
    MessageType.INPUT: pb.InputCommand,
    MessageType.OUTPUT: pb.OutputCommand,
    MessageType.GET_LAZY_STATE: pb.GetLazyStateCommand,
    MessageType.SET_STATE: pb.SetStateCommand,
    MessageType.CLEAR_STATE: pb.ClearStateCommand,
    MessageType.CLEAR_ALL_STATE: pb.ClearAllStateCommand,
    MessageType.GET_LAZY_STATE_KEYS: pb.GetLazyStateKeysCommand,
    MessageType.GET_EAGER_STATE: pb.GetEagerStateCommand,
    MessageType.GET_EAGER_STATE_KEYS: pb.GetEagerStateKeysCommand,
    MessageType.GET_PROMISE: pb.GetPromiseCommand,
    MessageType.PEEK_PROMISE: pb.PeekPromiseCommand,
    MessageType.COMPLETE_PROMISE: pb.CompletePromiseCommand,
    MessageType.SLEEP: pb.SleepCommand,
    MessageType.CALL: pb.CallCommand,
    MessageType.ONE_WAY_CALL: pb.OneWayCallCommand,
    MessageType.SEND_SIGNAL: pb.SendSignalCommand,
    MessageType.RUN: pb.RunCommand,
    MessageType.ATTACH_INVOCATION: pb.AttachInvocationCommand,
    MessageType.COMPLETE_AWAKEABLE: pb.CompleteAwakeableCommand,
}


def frame_from(spelled: dict[str, Any]) -> bytes:
    """Return the raw frame of a spelled message."""
    fields = {name: value for name, value in spelled.items() if name != "type"}
    message_type = MessageType[spelled["type"]]
    if is_notification(message_type):
        return encode_notification(message_type, cast("pb.Notification", _message(pb.Notification, fields)))
    return encode(_message(_CLASS_BY_TYPE[message_type], fields))


def spell(raw: bytes) -> dict[str, Any]:
    """Return a frame as its case spells it."""
    message = decode(raw)
    spelled = {"type": MessageType(frame_type(raw)).name}
    if isinstance(message, pb.Suspension):
        return spelled | {"awaiting": _awaiting(message)}
    return spelled | _fields(message)


def matches(expected: Any, actual: Any) -> bool:
    """Return whether a value is what a case expects; ANY stands for anything."""
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        # What is said to be anything may also be missing: an Error need not have a stack trace.
        required = {name for name, value in expected.items() if value != ANY}
        return required <= actual.keys() <= expected.keys() and all(
            matches(expected[name], actual[name]) for name in actual
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(matches, expected, actual))
    return bool(expected == actual)


def flattened(tree: list[Any]) -> list[Any]:
    """Return the leaves of a spelled await tree, as versions 5 and 6 say it."""
    leaves = {leaf for node in tree[1:] for leaf in (flattened(node)[1:] if isinstance(node, list) else [node])}
    return ["flat", *sorted(leaves, key=str)]


def _message(cls: Any, fields: dict[str, Any]) -> Message:
    message = cls()
    for field in cls.DESCRIPTOR.fields:
        if field.name not in fields:
            continue
        value = fields[field.name]
        if field.is_repeated and field.message_type:
            getattr(message, field.name).extend(_message(field.message_type._concrete_class, each) for each in value)
        elif field.is_repeated:
            getattr(message, field.name).extend(_scalar(field, each) for each in value)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(_message(field.message_type._concrete_class, value))
        else:
            setattr(message, field.name, _scalar(field, value))
    return cast("Message", message)


def _scalar(field: Any, value: Any) -> Any:
    return value.encode() if field.type == field.TYPE_BYTES else value


def _fields(message: Message) -> dict[str, Any]:
    spelled: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.is_repeated:
            spelled[field.name] = [_spelled(each) for each in value]
        else:
            spelled[field.name] = _spelled(value)
    return spelled


def _spelled(value: Any) -> Any:
    if isinstance(value, Message):
        return _fields(value)
    return value.decode() if isinstance(value, bytes) else value


def _awaiting(suspension: pb.Suspension) -> list[Any]:
    if suspension.HasField("awaiting_on"):
        return _tree(suspension.awaiting_on)
    return flattened(["first", *_leaves(suspension)])


def _tree(future: pb.Future) -> list[Any]:
    join = pb.Future.CombinatorType.Name(future.combinator_type).split("_")[0].lower()
    return [join, *_leaves(future), *sorted((_tree(nested) for nested in future.nested_futures), key=str)]


def _leaves(awaited: pb.Future | pb.Suspension) -> list[Any]:
    leaves = [*awaited.waiting_completions, *(f"signal {index}" for index in awaited.waiting_signals)]
    return sorted({*leaves, *(f"signal {name!r}" for name in awaited.waiting_named_signals)}, key=str)
