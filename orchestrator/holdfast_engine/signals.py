"""Signals as notes: cancel, awakeables and named signals."""

from __future__ import annotations

from holdfast_engine.journal import leaf_of
from holdfast_engine.records import Note, Outcome
from holdfast_engine.wire import failure_to_wire
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import (
    CANCEL_SIGNAL_ID,
    FIRST_AWAKEABLE_SIGNAL_ID,
    decode_awakeable_id,
    encode_invocation_id,
)
from holdfast_protocol.messages import MessageType, encode_notification


def signal_note(signal: pb.Notification, *, sender: str) -> Note:
    """Return a signal as a note.

    An awakeable's index is its token: the first completion wins. Anything else is delivered once per sender's mark.
    """
    is_awakeable = signal.WhichOneof("id") == "signal_id" and signal.signal_id >= FIRST_AWAKEABLE_SIGNAL_ID
    token = str(signal.signal_id) if is_awakeable else sender
    return Note(key=f"s#{token}", frame=encode_notification(MessageType.SIGNAL, signal))


def cancel_note(*, sender: str) -> Note:
    """Return the request to cancel."""
    return signal_note(pb.Notification(signal_id=CANCEL_SIGNAL_ID, void=pb.Void()), sender=sender)


def is_cancel(note: Note) -> bool:
    """Return whether a note is a request to cancel."""
    return note.key.startswith("s#") and leaf_of(note.frame) == ("s", CANCEL_SIGNAL_ID)


def awakeable_note(awakeable_id: str, outcome: Outcome) -> tuple[str, Note]:
    """Return the invocation that made an awakeable, and the note that completes it.

    Raises:
        DecodeError: It is not the id of an awakeable.
    """
    raw_id, signal_id = decode_awakeable_id(awakeable_id)
    signal = pb.Notification(signal_id=signal_id)
    if outcome.failure is not None:
        signal.failure.CopyFrom(failure_to_wire(outcome.failure))
    else:
        signal.value.CopyFrom(pb.Value(content=outcome.value or b""))
    return encode_invocation_id(raw_id), signal_note(signal, sender="awakeable")
