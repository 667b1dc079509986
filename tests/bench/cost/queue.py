"""SQS and its event source mapping, with every request counted that AWS bills, on a clock that can be moved on."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast_local.surroundings import SystemClock

BATCH_MAX = 10


class LeapingClock:
    """Wall-clock time, moved on whenever nothing is left to do but to wait."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return self._clock.now_ms() + self._ahead_ms

    def leap_to(self, time_ms: int) -> None:
        """Have it be that time, unless it is later."""
        self._ahead_ms += max(0, time_ms - self.now_ms())


@dataclass(order=True, slots=True)
class Message:
    """A message; the one that can be received first sorts first."""

    visible_ms: int
    number: int
    body: str = field(compare=False)
    receives: int = field(compare=False, default=0)


class BilledQueue:
    """A client of SQS for those who send, and what Lambda's pollers do for a function with an event source mapping."""

    def __init__(self, clock: LeapingClock) -> None:
        self._clock = clock
        self._waiting: list[Message] = []
        self._numbers = itertools.count()
        self._turn = threading.Lock()
        self._back_s: dict[str, int] = {}
        self.requests: Counter[str] = Counter()
        self.received = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto's
        """Take up to ten messages in one request."""
        assert 1 <= len(Entries) <= BATCH_MAX
        with self._turn:
            self.requests["send"] += 1
            for entry in Entries:
                due_ms = self._clock.now_ms() + 1000 * entry["DelaySeconds"]
                heapq.heappush(self._waiting, Message(due_ms, next(self._numbers), entry["MessageBody"]))
        return {}

    async def change(self, receipts: Sequence[str], *, seconds: int) -> None:
        """Take note of a heartbeat, or of when messages come back that are not done with."""
        self.requests["change visibility"] += 1
        self._back_s |= dict.fromkeys(receipts, seconds)

    def receive(self) -> list[Message]:
        """Return up to ten messages that are due, in one request; none costs nothing: somebody would go on waiting."""
        with self._turn:
            batch: list[Message] = []
            while self._waiting and len(batch) < BATCH_MAX and self._waiting[0].visible_ms <= self._clock.now_ms():
                batch.append(heapq.heappop(self._waiting))
                batch[-1].receives += 1
            self.requests["receive"] += bool(batch)
            self.received += len(batch)
            return batch

    def finish(self, batch: list[Message], back: set[str]) -> None:
        """Delete those of a batch that are done with, in one request, and let the others come back."""
        with self._turn:
            self.requests["delete"] += len(back) < len(batch)
            for message in batch:
                if str(message.number) in back:
                    message.visible_ms = self._clock.now_ms() + 1000 * self._back_s.get(str(message.number), 1)
                    heapq.heappush(self._waiting, message)

    def leap(self) -> bool:
        """Move the clock on to the next message; False when there is none."""
        with self._turn:
            if not self._waiting:
                return False
            self._clock.leap_to(self._waiting[0].visible_ms)
            return True
