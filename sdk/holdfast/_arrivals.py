"""Arrivals: the notifications of a journal, handed out one by one in journal order.

Races between notifications are decided by their order in the journal, so an await looks at no more of them than it
needs: a later one stays unseen until some await goes that far, in the first attempt as in every replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import cast

from holdfast._await import CANCEL, NotificationId
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import HEADER_BYTES
from holdfast_protocol.messages import decode
from holdfast_protocol.schema_pb2 import Notification

# Raw as it was stored, or decoded when this attempt made it; decoding waits until somebody asks for the result.
Arrival = bytes | Notification

_COMPLETION_ID_TAG = 0x08
_VARINT_CONTINUES = 0x80
# The tag, and two bytes that may hold the id.
_ID_BYTES_MIN = HEADER_BYTES + 3


class Arrivals:
    """The notifications of an attempt: those seen so far, by id, and those not looked at yet, in order."""

    __slots__ = ("_next", "_queue", "seen")

    def __init__(self, notifications: Iterable[bytes]) -> None:
        self._queue: list[Arrival] = list(notifications)
        self._next = 0
        self.seen: dict[NotificationId, Arrival | deque[Arrival]] = {}

    def append(self, notification: Notification) -> None:
        """Add one that this attempt caused, behind all others."""
        self._queue.append(notification)

    def insert_seen(self, notification_id: NotificationId, notification: Notification) -> None:
        """Add one that was known at once and takes part in no race."""
        self.seen[notification_id] = notification

    def see_next(self) -> NotificationId | None:
        """Look at the next one; return its id, or None when there is none.

        Raises:
            DecodeError: it is malformed.
        """
        at = self._next
        if at == len(self._queue):
            return None
        arrival = self._queue[at]
        self._next = at + 1
        notification_id = _id_of(arrival)
        if notification_id == CANCEL or type(notification_id) is str:
            # These may come many times, and each time counts.
            many = cast("deque[Arrival]", self.seen.setdefault(notification_id, deque()))
            many.append(arrival)
        else:
            # A completion or awakeable that comes twice keeps its first result.
            self.seen.setdefault(notification_id, arrival)
        return notification_id

    def take(self, notification_id: NotificationId) -> Notification:
        """Return one that was seen; a signal that may come many times is used up by it.

        Raises:
            DecodeError: it is malformed or has no result.
        """
        arrival = self.seen[notification_id]
        if isinstance(arrival, deque):
            first = arrival.popleft()
            if not arrival:
                del self.seen[notification_id]
            arrival = first
        notification = _decoded(arrival)
        if notification.WhichOneof("result") is None:
            raise DecodeError(f"the notification {notification_id} has no result")
        return notification


def _decoded(arrival: Arrival) -> Notification:
    return cast("Notification", decode(arrival)) if isinstance(arrival, bytes) else arrival


def _id_of(arrival: Arrival) -> NotificationId:
    if isinstance(arrival, bytes) and (completion_id := _small_completion_id(arrival)):
        return completion_id
    notification = _decoded(arrival)
    which = notification.WhichOneof("id")
    if which == "completion_id":
        return notification.completion_id
    if which == "signal_id":
        return -notification.signal_id
    if which == "signal_name":
        return notification.signal_name
    raise DecodeError("a notification says neither which command it completes nor which signal it is")


def _small_completion_id(raw: bytes) -> int:
    """Return the completion id if it leads the body and takes one or two bytes, else 0.

    Nearly all are such, and a replay must not decode what nobody asks for.
    """
    if len(raw) < _ID_BYTES_MIN or raw[HEADER_BYTES] != _COMPLETION_ID_TAG:
        return 0
    first, second = raw[HEADER_BYTES + 1], raw[HEADER_BYTES + 2]
    if first < _VARINT_CONTINUES:
        return first
    return (first & ~_VARINT_CONTINUES) | second << 7 if second < _VARINT_CONTINUES else 0
