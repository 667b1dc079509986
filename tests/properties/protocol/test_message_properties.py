"""Messages: encoding and decoding are inverse for all of them, and no body raises anything but the one error."""

from __future__ import annotations

import tracemalloc

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import encode_frame, frame_body, frame_type, split_frames
from holdfast_protocol.messages import MessageType, decode, encode, encode_notification, is_notification
from holdfast_protocol.versions import clear_newer_fields
from tests.properties.protocol.strategies import MESSAGE_CLASSES, messages, notifications

TYPES = sorted(MessageType)
FRAMED = [
    cls
    for cls in MESSAGE_CLASSES
    if cls.DESCRIPTOR.name.endswith("Command") or cls in (pb.Start, pb.Suspension, pb.Error)
]

framed_messages = st.sampled_from(FRAMED).flatmap(messages)
notification_types = st.sampled_from([t for t in TYPES if is_notification(t)])


@given(framed_messages, st.integers(0, 0xFFFF))
def test_messages_survive_the_wire(message: Message, flags: int) -> None:
    """Any message decodes to its equal, and encoding that gives the same bytes again."""
    raw = encode(message, flags)
    again = decode(raw)
    assert again == message
    assert encode(again, flags) == raw


@given(notification_types, notifications())
def test_notifications_survive_the_wire(message_type: MessageType, notification: pb.Notification) -> None:
    """Any notification decodes to its equal, and its frame says its type."""
    raw = encode_notification(message_type, notification)
    assert frame_type(raw) == message_type
    assert decode(raw) == notification


@given(framed_messages, st.binary(max_size=30))
def test_unknown_fields_do_not_hide_known_ones(message: Message, content: bytes) -> None:
    """A field of the future behind a message leaves what we know unchanged, and the raw frame has it still."""
    raw = encode(message)
    # Field 1000, length-delimited.
    longer = encode_frame(frame_type(raw), frame_body(raw) + b"\xc2\x3e" + bytes([len(content)]) + content)
    again = decode(longer)
    assert again.ListFields() == message.ListFields()
    assert split_frames(longer) == [longer]


@given(st.sampled_from(TYPES), st.binary(max_size=200))
def test_no_body_raises_anything_but_the_one_error(message_type: MessageType, body: bytes) -> None:
    """Arbitrary bytes as a body give a message or the error."""
    try:
        message = decode(encode_frame(message_type, body))
    except DecodeError:
        return
    assert isinstance(message, Message)


@given(st.integers(0, 0xFFFF), st.binary(max_size=20))
def test_no_type_raises_anything_but_the_one_error(message_type: int, body: bytes) -> None:
    """An arbitrary type is one of the known ones or the error."""
    try:
        decode(encode_frame(message_type, body))
    except DecodeError:
        return
    assert message_type in TYPES


@given(framed_messages, st.data())
def test_a_damaged_message_raises_nothing_but_the_one_error(message: Message, data: st.DataObject) -> None:
    """Cutting a real body short or changing one of its bytes gives a message or the error."""
    raw = encode(message)
    body = bytearray(frame_body(raw))
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    try:
        decode(encode_frame(frame_type(raw), bytes(body[:cut])))
    except DecodeError:
        pass


@given(st.sampled_from(TYPES), st.integers(1, 20), st.integers(100, 2**32 - 1))
def test_a_length_inside_a_body_allocates_nothing(message_type: MessageType, field: int, length: int) -> None:
    """A field that claims up to 4 GiB inside a short body costs no more than the body."""
    claim = bytearray()
    while length > 0x7F:
        claim.append(length & 0x7F | 0x80)
        length >>= 7
    claim.append(length)
    key = field << 3 | 2
    start = bytes([key]) if key < 0x80 else bytes([key & 0x7F | 0x80, key >> 7])
    raw = encode_frame(message_type, start + bytes(claim) + b"x" * 50)
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Python's side only; the unit tests bound the address space of a process for protobuf's own memory.
    assert peak < 100_000


@given(framed_messages | notifications(), st.sampled_from([5, 6, 7]))
def test_clearing_newer_fields_is_idempotent_and_only_removes(message: Message, version: int) -> None:
    """A second time changes nothing, version 7 changes nothing, and what was cleared for 6 is cleared for 5."""
    cleared = type(message)()
    cleared.CopyFrom(message)
    clear_newer_fields(cleared, version)
    again = type(message)()
    again.CopyFrom(cleared)
    clear_newer_fields(again, version)
    assert again == cleared
    assert cleared.ByteSize() <= message.ByteSize()
    if version == 7:
        assert cleared == message
    via_6 = type(message)()
    via_6.CopyFrom(message)
    clear_newer_fields(via_6, 6)
    clear_newer_fields(via_6, 5)
    direct = type(message)()
    direct.CopyFrom(message)
    clear_newer_fields(direct, 5)
    assert via_6 == direct
