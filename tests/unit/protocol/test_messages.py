"""Encoding and decoding by the table of message types; the published golden bytes; bytes that are not messages."""

from __future__ import annotations

import subprocess
import sys

import pytest

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import FLAG_REQUESTED_ACK, encode_frame, split_frames
from holdfast_protocol.messages import (
    Message,
    MessageType,
    decode,
    encode,
    encode_notification,
    is_command,
    is_completion,
    is_control,
    is_notification,
)

# What one SDK really sent and received for a handler that awaits one run named s0.
ID = bytes(range(24))
GOLDEN = {
    "start": (
        pb.Start(id=ID, debug_id="inv_x", known_entries=1, partial_state=True),
        0,
        "0000000000000025 0a18" + ID.hex() + "1205696e765f78 1801 2801",
    ),
    "input": (pb.InputCommand(value=pb.Value(content=b"1")), 0, "0400000000000005 72030a0131"),
    "run": (pb.RunCommand(result_completion_id=1, name="s0"), 0, "0411000000000006 5801 62027330"),
    "propose": (pb.ProposeRunCompletion(result_completion_id=1, value=b"0"), 0, "0005000000000005 0801 720130"),
    "propose-v7": (
        pb.ProposeRunCompletion(result_completion_id=1, value=b"0"),
        FLAG_REQUESTED_ACK,
        "0005800000000005 0801 720130",
    ),
    "suspension-v6": (
        pb.Suspension(waiting_completions=[1], waiting_signals=[1]),
        0,
        "0001000000000006 0a0101 120101",
    ),
    "suspension-v7": (
        pb.Suspension(
            awaiting_on=pb.Future(
                waiting_completions=[1], waiting_signals=[1], combinator_type=pb.Future.FIRST_COMPLETED
            )
        ),
        0,
        "000100000000000a 2208 0a0101 120101 2801",
    ),
    "end": (pb.End(), 0, "0003000000000000"),
}


@pytest.mark.parametrize(("message", "flags", "text"), GOLDEN.values(), ids=GOLDEN)
def test_golden_bytes(message: Message, flags: int, text: str) -> None:
    """Messages encode to the very bytes that another implementation was seen to use, and decode from them."""
    raw = bytes.fromhex(text)
    assert encode(message, flags) == raw
    assert decode(raw) == message


def test_types_are_told_apart_by_range() -> None:
    """Every known type is in exactly one of the three groups, by its number alone."""
    for message_type in MessageType:
        groups = [is_control(message_type), is_command(message_type), is_notification(message_type)]
        assert groups.count(True) == 1
        assert is_notification(message_type) == (is_completion(message_type) or message_type == MessageType.SIGNAL)


@pytest.mark.parametrize(
    ("message_type", "expected"),
    [
        (-1, ""),
        (0x0000, "control"),
        (0x03FF, "control"),
        (0x0400, "command"),
        (0x07FF, "command"),
        (0x0800, ""),
        (0x7FFF, ""),
        (0x8000, "completion notification"),
        (0xFBFE, "completion notification"),
        (0xFBFF, "notification"),
        (0xFC00, ""),
        (0xFFFF, ""),
    ],
)
def test_ranges_end_where_the_protocol_ends_them(message_type: int, expected: str) -> None:
    """The first and last number of each range belong to it, and their neighbours do not."""
    predicates = {
        "control": is_control,
        "command": is_command,
        "completion": is_completion,
        "notification": is_notification,
    }
    assert [name for name, holds in predicates.items() if holds(message_type)] == expected.split()


def test_a_command_and_its_completion_share_their_low_bits() -> None:
    """The completion of command 0x04NN is 0x80NN; the invocation id of a call comes as 0x800E."""
    for completion in MessageType:
        if is_completion(completion) and completion != MessageType.CALL_INVOCATION_ID_COMPLETION:
            command = MessageType(completion - 0x8000 + 0x0400)
            assert completion.name == f"{command.name}_COMPLETION"


@pytest.mark.parametrize("message_type", [t for t in MessageType if is_notification(t)])
def test_notifications_say_their_type(message_type: MessageType) -> None:
    """All notifications share one message, so its frame type is given, and decoding returns that message."""
    notification = pb.Notification(completion_id=3, void=pb.Void())
    raw = encode_notification(message_type, notification)
    assert raw[:2] == message_type.to_bytes(2, "big")
    assert decode(raw) == notification


def test_a_notification_needs_its_type() -> None:
    """A notification cannot be encoded as if its class said the type, nor a command's type be given to it."""
    with pytest.raises(TypeError, match="Notification"):
        encode(pb.Notification())
    with pytest.raises(ValueError, match="0x0411"):
        encode_notification(MessageType.RUN, pb.Notification())


def test_a_nested_value_is_not_a_message_of_its_own() -> None:
    """Only the messages of the table have a frame type."""
    with pytest.raises(TypeError, match="Value"):
        encode(pb.Value())


@pytest.mark.parametrize("message_type", [0x0008, 0x040F, 0x0415, 0x07FF, 0x8000, 0xFBFE, 0xFC00, 0xFFFF])
def test_unknown_types_are_refused(message_type: int) -> None:
    """A frame of a type nobody defined is an error that names the number."""
    with pytest.raises(DecodeError, match=f"unknown message type 0x{message_type:04X}"):
        decode(encode_frame(message_type, b""))


@pytest.mark.parametrize(
    "body",
    [
        "0a",  # a field without its length
        "0aff",  # a length without its end
        "0affffffff0f00",  # 4 GiB claimed, one byte there
        "0a05616263",  # five bytes claimed, three there
        "58ffffffffffffffffffff01",  # a varint of eleven bytes
        "6202c328",  # a name that is not UTF-8
        "ffffffff",  # no field number
        "00",  # field number zero
        "0c",  # the end of a group that never began
    ],
)
def test_malformed_bodies_are_refused(body: str) -> None:
    """A body that is not protobuf, or not of the message, is an error that names the message."""
    with pytest.raises(DecodeError, match=r"the body of a RUN frame \(0x0411\) is malformed"):
        decode(encode_frame(MessageType.RUN, bytes.fromhex(body)))


def test_a_future_nested_deeply_survives() -> None:
    """Ninety combinators inside each other, far more than code writes, are encoded and decoded."""
    future = pb.Future(waiting_completions=[1])
    for _ in range(90):
        future = pb.Future(nested_futures=[future], combinator_type=pb.Future.ALL_COMPLETED)
    suspension = pb.Suspension(awaiting_on=future)
    assert decode(encode(suspension)) == suspension


def test_a_future_nested_beyond_reason_is_refused() -> None:
    """A tree of ten thousand levels ends in the one error and not in a crash."""
    body = b""
    for _ in range(10_000):
        body = b"\x22" + _varint(len(body)) + body
    with pytest.raises(DecodeError, match="malformed"):
        decode(encode_frame(MessageType.SUSPENSION, body))


ADDRESS_SPACE_PROBE = """
import resource
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import MessageType, decode

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
refused = 0
for message_type in MessageType:
    for field in range(1, 18):
        key = bytes([field << 3 | 2]) if field < 16 else bytes([field << 3 & 0x7F | 0x82, 1])
        for claim in ("ffffffff07", "ffffffff0f", "8080808008", "80808010"):
            try:
                decode(encode_frame(message_type, key + bytes.fromhex(claim) + bytes(40)))
            except DecodeError:
                refused += 1
print(refused == len(MessageType) * 17 * 4)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space of a process")
def test_no_length_inside_a_body_allocates() -> None:
    """A process with 64 MiB to spare refuses fields of every number that claim 32 MiB to 4 GiB, in every message."""
    run = subprocess.run([sys.executable, "-c", ADDRESS_SPACE_PROBE], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == ("True", "")


def test_fields_of_a_newer_peer_survive_because_frames_are_kept() -> None:
    """An unknown field does not disturb decoding, and the raw frame still has it."""
    raw = encode_frame(MessageType.RUN, bytes.fromhex("5801 62027330 fa07 03 616263"))
    message = decode(raw)
    assert isinstance(message, pb.RunCommand)
    assert (message.result_completion_id, message.name) == (1, "s0")
    assert split_frames(raw) == [raw]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
