"""The `Wakeups` port on SQS: messages that name an invocation or a key, delayed by SQS itself as far as it can.

Beyond a quarter of an hour a wake-up is a row of the timers' table, which the sweeper moves here when it comes near.
Delays are rounded up to the second: a timer may be late by that, and is never early.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from holdfast_aws.timers import Timer, Timers
from holdfast_aws.wakeup_queue import DELAY_S_MAX, Outgoing, WakeupQueue
from holdfast_engine.ids import service_prefix
from holdfast_engine.ports import Clock
from holdfast_engine.records import KeyRef
from holdfast_protocol.ids import INVOCATION_ID_BYTES, decode_invocation_id, encode_invocation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """An invocation that is about to be created; who has said so is finished or dead from a time on."""

    invocation_id: str
    until_ms: int


Message = str | KeyRef | Announced

_UNTIL = "@"

# A watchdog comes so much after its sender's end: clocks of machines differ by milliseconds, SQS counts in seconds.
WATCHDOG_MARGIN_MS = 2_000

# `inv_1` and the 64 bits that are derived from the service: the invocations of a service and no others begin so.
_GROUP_CHARACTERS = 16


class SqsWakeups:
    """Wake-ups of one deployment.

    `ends_ms` says when this process is finished or dead, as an epoch time: the end of the event that it handles now.
    """

    def __init__(self, queue: WakeupQueue, timers: Timers, *, clock: Clock, ends_ms: Callable[[], int]) -> None:
        self._queue = queue
        self._timers = timers
        self._clock = clock
        self._ends_ms = ends_ms

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        """Have an invocation advanced."""
        delay_s = self._delay_s(not_before_ms)
        if not_before_ms is not None and delay_s > DELAY_S_MAX:
            timer = Timer(due_ms=not_before_ms, invocation_id=invocation_id)
            await self._timers.put(timer, now_ms=self._clock.now_ms())
        else:
            await self._queue.send(outgoing(invocation_id, delay_s=delay_s))

    async def watchdog(self, invocation_id: str) -> None:
        """Have it looked at when this process is finished or dead."""
        now, end = self._clock.now_ms(), self._ends_ms()
        # The margin must not turn the longest life of a function into a row and a sweep.
        latest = now + DELAY_S_MAX * 1000
        await self.wake(invocation_id, not_before_ms=max(end, min(end + WATCHDOG_MARGIN_MS, latest)))

    async def announce(self, invocation_id: str) -> bool:
        """Have an invocation advanced that is about to be created.

        A second message, and what is read when it comes, would cost more than all that is gained by it: a message that
        comes too early, before the head is written, is put back for a second.
        """
        until_ms = self._ends_ms() + WATCHDOG_MARGIN_MS
        await self._queue.send(outgoing(Announced(invocation_id=invocation_id, until_ms=until_ms), delay_s=0))
        return True

    async def check_key(self, key: KeyRef, *, not_before_ms: int | None) -> None:
        """Have a key's queue looked at."""
        # Nobody asks for that in more than a few seconds, and a look that comes early does no harm.
        await self._queue.send(outgoing(key, delay_s=min(self._delay_s(not_before_ms), DELAY_S_MAX)))

    async def settled(self, invocation_id: str) -> None:
        """Do nothing: a message in hand or a watchdog watches over what follows, and is deleted when it has."""

    def _delay_s(self, not_before_ms: int | None) -> int:
        return 0 if not_before_ms is None else delay_s(not_before_ms, now_ms=self._clock.now_ms())


def delay_s(due_ms: int, *, now_ms: int) -> int:
    """Return by how many whole seconds a message has to be delayed so that it does not come before a time."""
    return max(0, ceil((due_ms - now_ms) / 1000))


def outgoing(message: Message, *, delay_s: int) -> Outgoing:
    """Return the message that names an invocation or a key."""
    if isinstance(message, Announced):
        body = f"{message.invocation_id}{_UNTIL}{message.until_ms}"
        return Outgoing(body=body, group=body[:_GROUP_CHARACTERS], delay_s=delay_s)
    if isinstance(message, str):
        return Outgoing(body=message, group=message[:_GROUP_CHARACTERS], delay_s=delay_s)
    fields = {"service": message.service, "key": message.key}
    if message.scope is not None:
        fields["scope"] = message.scope
    # JSON escapes what is not ASCII: SQS takes no control characters, and keys may hold them.
    return Outgoing(body=json.dumps(fields), group=_group_of(message.service), delay_s=delay_s)


def read_message(body: str) -> Message:
    """Return the invocation or the key that a message names.

    Raises:
        ValueError: It names neither.
    """
    if not body.startswith("{"):
        invocation_id, separator, until_ms = body.partition(_UNTIL)
        decode_invocation_id(invocation_id)
        return Announced(invocation_id=invocation_id, until_ms=int(until_ms)) if separator else invocation_id
    fields = json.loads(body)
    service, key, scope = fields.get("service"), fields.get("key"), fields.get("scope")
    if not isinstance(service, str) or not isinstance(key, str) or not isinstance(scope, str | None):
        raise ValueError(f"a wake-up names an invocation, or a service and a key; this is {body[:200]!r}")
    return KeyRef(service=service, key=key, scope=scope)


def _group_of(service: str) -> str:
    any_id = encode_invocation_id(service_prefix(service).ljust(INVOCATION_ID_BYTES, b"\0"))
    return any_id[:_GROUP_CHARACTERS]
