"""The tail: what an attempt has added to the journal and nobody else knows yet."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast_protocol.frames import FLAG_REQUESTED_ACK
from holdfast_protocol.messages import MessageType, encode, encode_notification
from holdfast_protocol.schema_pb2 import Notification, ProposeRunCompletion

# Commands that others wait for, by the type in their frames: they must not wait for the end of a long step behind them.
EFFECTS = frozenset(
    message_type.to_bytes(2)
    for message_type in (
        MessageType.CALL,
        MessageType.ONE_WAY_CALL,
        MessageType.SEND_SIGNAL,
        MessageType.COMPLETE_AWAKEABLE,
        MessageType.COMPLETE_PROMISE,
    )
)


class Tail:
    """Commands and results in the order in which they happened.

    A result leaves in one of two forms: in journal form, when it is checkpointed, it is the notification that the
    journal keeps; in wire form, at the attempt's end, it is a proposal that the server turns into that notification.
    Only the result of a step can be proposed: a sleep that this attempt has seen the end of must be checkpointed.
    """

    __slots__ = ("_items", "has_effects", "has_results", "must_be_checkpointed")

    def __init__(self) -> None:
        self._items: list[bytes | Notification] = []
        self.has_effects = False
        self.has_results = False
        self.must_be_checkpointed = False

    def __len__(self) -> int:
        return len(self._items)

    def add_command(self, raw: bytes) -> None:
        """Add a command's raw frame."""
        self._items.append(raw)
        if raw[:2] in EFFECTS:
            self.has_effects = True

    def add_result(self, notification: Notification) -> None:
        """Add the result of a step, or the end of a sleep."""
        self._items.append(notification)
        self.has_results = True
        if _is_sleep_completion(notification):
            self.must_be_checkpointed = True

    def take_in_journal_form(self) -> list[bytes]:
        """Return everything as journal entries, and forget it."""
        return [item if isinstance(item, bytes) else _completion(item) for item in self._take()]

    def take_in_wire_form(self, *, with_acks: bool) -> list[bytes]:
        """Return everything as it travels in an attempt's answer, and forget it."""
        assert not self.must_be_checkpointed, "the end of a sleep cannot be proposed"
        flags = FLAG_REQUESTED_ACK if with_acks else 0
        return [item if isinstance(item, bytes) else _proposal(item, flags) for item in self._take()]

    def _take(self) -> Iterator[bytes | Notification]:
        items, self._items = self._items, []
        self.has_effects = False
        self.has_results = False
        self.must_be_checkpointed = False
        return iter(items)


def _is_sleep_completion(notification: Notification) -> bool:
    return notification.HasField("void")


def _completion(notification: Notification) -> bytes:
    if _is_sleep_completion(notification):
        return encode_notification(MessageType.SLEEP_COMPLETION, notification)
    return encode_notification(MessageType.RUN_COMPLETION, notification)


def _proposal(notification: Notification, flags: int) -> bytes:
    proposal = ProposeRunCompletion(result_completion_id=notification.completion_id)
    if notification.HasField("failure"):
        proposal.failure.CopyFrom(notification.failure)
    else:
        proposal.value = notification.value.content
    return encode(proposal, flags)
