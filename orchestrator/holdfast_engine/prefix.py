"""The beginning of a journal that a restarted invocation takes over."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_engine.journal import Journal, leaf_of, type_of
from holdfast_protocol.ids import FIRST_AWAKEABLE_SIGNAL_ID
from holdfast_protocol.messages import Message, MessageType, decode

# The fields by which commands say which completions answer them.
_COMPLETION_FIELDS = ("invocation_id_notification_idx", "result_completion_id")


def prefix_of(journal: Journal, *, until: int) -> tuple[bytes, ...] | None:
    """Return the entries up to an index, with the completions of their commands that come later, in their order.

    None when a command among them has not been completed: the new invocation would wait for an answer that goes to the
    old one.
    """
    later: set[int] = set()
    for _, _, frame in journal.commands_between(0, until + 1):
        for completion_id in _completion_ids(decode(frame)):
            index = journal.resolved.get(("c", completion_id))
            if index is None:
                return None
            if index > until:
                later.add(index)
    return (*journal.entries[: until + 1], *(journal.entries[index] for index in sorted(later)))


def answered_awakeables(frames: Iterable[bytes]) -> tuple[str, ...]:
    """Return the marks of the signals in a prefix that complete awakeables.

    The new invocation asks for them again, under ids of its own: an answer is too late there, as the first one counts.
    """
    signals = [leaf_of(frame)[1] for frame in frames if type_of(frame) == MessageType.SIGNAL]
    return tuple(f"s#{each}" for each in signals if isinstance(each, int) and each >= FIRST_AWAKEABLE_SIGNAL_ID)


def _completion_ids(command: Message) -> list[int]:
    names = {field.name for field in command.DESCRIPTOR.fields}
    return [getattr(command, name) for name in _COMPLETION_FIELDS if name in names]
