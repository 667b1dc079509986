"""Hypothesis strategies for messages and frames, built from the schema so that a new field is covered unasked."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame

_DEPTH_MAX = 3

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=40),
    FieldDescriptor.TYPE_STRING: st.text(max_size=20),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
}

MESSAGE_CLASSES: list[type[Message]] = [
    getattr(pb, name) for name in pb.DESCRIPTOR.message_types_by_name if name != "Notification"
]


def messages(cls: type[Message], depth: int = 0) -> st.SearchStrategy[Message]:
    """Return a strategy for one message class; each field may be left unset."""
    fields = {
        name: _values(field, depth)
        for name, field in cls.DESCRIPTOR.fields_by_name.items()
        if field.message_type is None or depth < _DEPTH_MAX
    }
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: _build(cls, chosen))


def notifications() -> st.SearchStrategy[pb.Notification]:
    """Return a strategy for notifications."""
    return messages(pb.Notification).map(lambda message: pb.Notification.FromString(message.SerializeToString()))


def raw_frames() -> st.SearchStrategy[bytes]:
    """Return a strategy for raw frames of any type, with any body."""
    number = st.integers(0, 0xFFFF)
    return st.builds(encode_frame, number, st.binary(max_size=60), number)


def _build(cls: type[Message], chosen: dict[str, Any]) -> Message:
    message = cls()
    for name, value in chosen.items():
        # One at a time: of a oneof, the last one set stays.
        message.MergeFrom(cls(**{name: value}))
    return message


def _values(field: Any, depth: int) -> st.SearchStrategy[Any]:
    one: st.SearchStrategy[Any]
    if field.message_type is not None:
        one = messages(getattr(pb, field.message_type.name), depth + 1)
    elif field.enum_type is not None:
        one = st.sampled_from([value.number for value in field.enum_type.values])
    else:
        one = _SCALARS[field.type]
    return st.lists(one, max_size=3) if field.is_repeated else one
