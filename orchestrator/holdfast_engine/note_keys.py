"""The keys of notes: which notification one is, and of which of the invocations that have had an id, one by one."""

from __future__ import annotations

from holdfast_engine.records import Head, Note, Sink
from holdfast_protocol.messages import MessageType

_COMPLETION = "c#"
_LIFE = "@"


def completion_key(completion_id: int, *, first_epoch: int) -> str:
    """Return the key of the note that completes a command: whoever comes first completes it.

    Whoever completes it may come late, and find another invocation under the id: so the key says which one is meant,
    unless it is one that has had nobody before it, as most.
    """
    return f"{_COMPLETION}{completion_id}" + (f"{_LIFE}{first_epoch}" if first_epoch != 1 else "")


def sink_of(head: Head, completion_id: int, completion_type: MessageType) -> Sink:
    """Return the sink by which an outcome completes a command of an invocation."""
    return Sink(
        invocation_id=head.id,
        completion_id=completion_id,
        completion_type=int(completion_type),
        first_epoch=head.first_epoch,
    )


def is_for(head: Head, note: Note) -> bool:
    """Return whether a note is for this invocation; signals are for whoever has the id."""
    if not note.key.startswith(_COMPLETION):
        return True
    return note.key.partition(_LIFE)[2] == (str(head.first_epoch) if head.first_epoch != 1 else "")
