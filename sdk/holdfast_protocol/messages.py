"""Messages: which frame type carries which protobuf message, and encoding and decoding by that table."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import HEADER_BYTES, encode_frame, frame_type

__all__ = [
    "Message",
    "MessageType",
    "decode",
    "encode",
    "encode_notification",
    "is_command",
    "is_completion",
    "is_control",
    "is_notification",
]


class MessageType(IntEnum):
    """The type field of a frame header."""

    START = 0x0000
    SUSPENSION = 0x0001
    ERROR = 0x0002
    END = 0x0003
    COMMAND_ACK = 0x0004
    PROPOSE_RUN_COMPLETION = 0x0005
    AWAITING_ON = 0x0006
    PROPOSE_RUN_COMPLETION_ACK = 0x0007

    INPUT = 0x0400
    OUTPUT = 0x0401
    GET_LAZY_STATE = 0x0402
    SET_STATE = 0x0403
    CLEAR_STATE = 0x0404
    CLEAR_ALL_STATE = 0x0405
    GET_LAZY_STATE_KEYS = 0x0406
    GET_EAGER_STATE = 0x0407
    GET_EAGER_STATE_KEYS = 0x0408
    GET_PROMISE = 0x0409
    PEEK_PROMISE = 0x040A
    COMPLETE_PROMISE = 0x040B
    SLEEP = 0x040C
    CALL = 0x040D
    ONE_WAY_CALL = 0x040E
    SEND_SIGNAL = 0x0410
    RUN = 0x0411
    ATTACH_INVOCATION = 0x0412
    GET_INVOCATION_OUTPUT = 0x0413
    COMPLETE_AWAKEABLE = 0x0414

    GET_LAZY_STATE_COMPLETION = 0x8002
    GET_LAZY_STATE_KEYS_COMPLETION = 0x8006
    GET_PROMISE_COMPLETION = 0x8009
    PEEK_PROMISE_COMPLETION = 0x800A
    COMPLETE_PROMISE_COMPLETION = 0x800B
    SLEEP_COMPLETION = 0x800C
    CALL_COMPLETION = 0x800D
    CALL_INVOCATION_ID_COMPLETION = 0x800E
    RUN_COMPLETION = 0x8011
    ATTACH_INVOCATION_COMPLETION = 0x8012
    GET_INVOCATION_OUTPUT_COMPLETION = 0x8013
    SIGNAL = 0xFBFF


# The ranges the protocol sets aside; 0xFC00 and above is for private types, which neither side supports.
_COMMANDS = range(0x0400, 0x0800)
_COMPLETIONS = range(0x8000, 0xFBFF)


def is_control(message_type: int) -> bool:
    """Return whether frames of this type steer the attempt and are never journaled."""
    return 0 <= message_type < _COMMANDS.start


def is_command(message_type: int) -> bool:
    """Return whether frames of this type are journal entries that the handler caused."""
    return _COMMANDS.start <= message_type < _COMMANDS.stop


def is_completion(message_type: int) -> bool:
    """Return whether frames of this type answer one command."""
    return _COMPLETIONS.start <= message_type < _COMPLETIONS.stop


def is_notification(message_type: int) -> bool:
    """Return whether frames of this type are journal entries that the world caused: completions and signals."""
    return _COMPLETIONS.start <= message_type <= _COMPLETIONS.stop


_CLASS_BY_TYPE: dict[int, type[Message]] = {
    MessageType.START: pb.Start,
    MessageType.SUSPENSION: pb.Suspension,
    MessageType.ERROR: pb.Error,
    MessageType.END: pb.End,
    MessageType.COMMAND_ACK: pb.CommandAck,
    MessageType.PROPOSE_RUN_COMPLETION: pb.ProposeRunCompletion,
    MessageType.AWAITING_ON: pb.AwaitingOn,
    MessageType.PROPOSE_RUN_COMPLETION_ACK: pb.ProposeRunCompletionAck,
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
    MessageType.GET_INVOCATION_OUTPUT: pb.GetInvocationOutputCommand,
    MessageType.COMPLETE_AWAKEABLE: pb.CompleteAwakeableCommand,
}
_TYPE_BY_CLASS: dict[type[Message], int] = {cls: int(number) for number, cls in _CLASS_BY_TYPE.items()}
_CLASS_BY_TYPE |= {number: pb.Notification for number in MessageType if is_notification(number)}
_PARSE_BY_TYPE: dict[int, Callable[[bytes], Message]] = {
    int(number): cls.FromString for number, cls in _CLASS_BY_TYPE.items()
}


def encode(message: Message, flags: int = 0) -> bytes:
    """Return the raw frame of a control message or a command; its class says which type.

    Raises:
        TypeError: The class has no frame type of its own; a `Notification` goes through `encode_notification`.
    """
    message_type = _TYPE_BY_CLASS.get(type(message))
    if message_type is None:
        raise TypeError(f"{type(message).__name__} has no frame type of its own; a Notification needs its type said")
    return encode_frame(message_type, message.SerializeToString(), flags)


def encode_notification(message_type: int, notification: pb.Notification) -> bytes:
    """Return the raw frame of a completion or a signal.

    Raises:
        ValueError: `message_type` is not a notification's.
    """
    if not is_notification(message_type):
        raise ValueError(f"0x{message_type:04X} is not the type of a notification")
    return encode_frame(message_type, notification.SerializeToString())


def decode(raw: bytes) -> Message:
    """Return the typed message of one raw frame.

    Raises:
        DecodeError: The frame's type is unknown, or its body is not a message of that type. Nesting beyond about 100
            levels is refused as well: that is protobuf's own bound.
    """
    message_type = frame_type(raw)
    parse = _PARSE_BY_TYPE.get(message_type)
    if parse is None:
        raise DecodeError(f"unknown message type 0x{message_type:04X}")
    try:
        return parse(raw[HEADER_BYTES:])
    except (ProtobufDecodeError, UnicodeDecodeError) as error:
        # The second comes from protobuf's pure-Python runtime, for a string that is not UTF-8.
        name = MessageType(message_type).name
        raise DecodeError(f"the body of a {name} frame (0x{message_type:04X}) is malformed: {error}") from error
