"""SendSignal: give another invocation a signal; index 1 asks it to cancel."""

from __future__ import annotations

from holdfast_engine.commands.rule import CommandRefused, Performing, Rule
from holdfast_engine.effects import Cancel, Notify
from holdfast_engine.records import Head
from holdfast_engine.registry import Registry
from holdfast_engine.signals import signal_note
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import CANCEL_SIGNAL_ID, decode_invocation_id
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import Notification, SendSignalCommand


def _check(command: SendSignalCommand, head: Head, registry: Registry) -> None:
    try:
        decode_invocation_id(command.target_invocation_id)
    except DecodeError as error:
        raise CommandRefused(str(error), rt_code="RT0017") from error
    if command.WhichOneof("signal_id") is None or command.WhichOneof("result") is None:
        raise CommandRefused("a signal needs an index or a name, and a result", rt_code="RT0012")


def _effect(command: SendSignalCommand, index: int, context: Performing) -> Notify | Cancel:
    # Sender and entry make the token, so that performing twice is one signal and sending twice is two.
    token = f"{context.head.id}.{index}"
    if command.WhichOneof("signal_id") == "idx" and command.idx == CANCEL_SIGNAL_ID:
        # More than a signal: it also ends what has not started, and resumes what is paused.
        return Cancel(invocation_id=command.target_invocation_id, token=token)
    signal = Notification()
    if command.WhichOneof("signal_id") == "idx":
        signal.signal_id = command.idx
    else:
        signal.signal_name = command.name
    match command.WhichOneof("result"):
        case "value":
            signal.value.CopyFrom(command.value)
        case "failure":
            signal.failure.CopyFrom(command.failure)
        case _:
            signal.void.SetInParent()
    return Notify(invocation_id=command.target_invocation_id, note=signal_note(signal, sender=token))


RULE = Rule(message_type=MessageType.SEND_SIGNAL, check=_check, effect=_effect)
