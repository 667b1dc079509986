"""The timers' table: wake-ups that are due later than a message can be delayed.

A row is nothing but its key: a partition of all that falls due in one quarter of an hour, in one of a few shards; in
it the time and the invocation. So arming a timer twice is one row, what is due soonest comes first, and a row that was
moved is gone without a trace. The shards are for those who let everybody wait for the same minute: a partition takes a
thousand writes a second. A quarter of an hour is as far as the sweeper looks ahead; with partitions of a minute an
installation at rest would pay for fifteen times the questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from holdfast_aws.dynamo import Dynamo
from holdfast_aws.items import ordinal, ordinal_of
from holdfast_aws.models import SweptItem, TimerItem, bound

SHARDS = 16
SLOT_MS = 15 * 60 * 1000

_SEPARATOR = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """An invocation is to be woken, not before a time."""

    due_ms: int
    invocation_id: str


class Timers:
    """The rows of one deployment's table."""

    def __init__(self, dynamo: Dynamo, table_name: str) -> None:
        self._dynamo = dynamo
        self._row = bound(TimerItem, table_name)
        self._swept = bound(SweptItem, table_name)
        self._is_marked = False

    async def put(self, timer: Timer, *, now_ms: int) -> None:
        """Arm a timer; it is durable when this returns.

        Raises:
            StoreUnreachable: DynamoDB did not take it.
        """
        if not self._is_marked:
            # Before the first row of all, so that whoever sweeps after a standstill knows where to begin. Refused, and
            # paid for, once in each process that arms timers.
            await self._dynamo.put(self._swept(until_ms=now_ms), SweptItem.slot.does_not_exist())
            self._is_marked = True
        await self._dynamo.put(self._row(slot=partition_of(timer), sort=sort_of(timer)), None)

    async def due(self, slot: int, shard: int, *, until_ms: int, limit: int) -> list[Timer]:
        """Return the timers of one partition that are due until a time, that time included, soonest first.

        Raises:
            StoreUnreachable: DynamoDB did not answer.
        """
        # The character behind the separator: every invocation of that very millisecond sorts before it.
        end = ordinal(until_ms) + chr(ord(_SEPARATOR) + 1)
        values = {":slot": _partition(slot, shard), ":end": end}
        raws = await self._dynamo.query(self._row, "p = :slot AND s < :end", values, Limit=limit)
        return [timer_of(raw["s"]["S"]) for raw in raws]

    async def remove(self, timers: Sequence[Timer]) -> None:
        """Delete rows; those that are gone are no matter.

        Raises:
            StoreUnreachable: DynamoDB did not do it, or not for all of them.
        """
        await self._dynamo.delete_many(self._row, [(partition_of(timer), sort_of(timer)) for timer in timers])

    async def swept_ms(self) -> int | None:
        """Return until when everything due has been moved; None when no timer was ever armed, nor any sweep done.

        Raises:
            StoreUnreachable: DynamoDB did not answer.
        """
        mark = self._swept()
        raw = await self._dynamo.get(self._swept, mark.slot, mark.sort)
        return None if raw is None else int(raw["n"]["N"])

    async def say_swept(self, until_ms: int) -> None:
        """Say that everything due until then has been moved; somebody slower may take it back, which costs a look."""
        await self._dynamo.put(self._swept(until_ms=until_ms), None)


def slot_of(due_ms: int) -> int:
    """Return the number of the quarter of an hour that a time is in."""
    return due_ms // SLOT_MS


def partition_of(timer: Timer) -> str:
    """Return the partition that a timer's row is in."""
    return _partition(slot_of(timer.due_ms), crc32(timer.invocation_id.encode()) % SHARDS)


def sort_of(timer: Timer) -> str:
    """Return the sort key of a timer's row."""
    return f"{ordinal(timer.due_ms)}{_SEPARATOR}{timer.invocation_id}"


def timer_of(sort: str) -> Timer:
    """Return the timer that a sort key stands for."""
    due, _, invocation_id = sort.partition(_SEPARATOR)
    return Timer(due_ms=ordinal_of(due), invocation_id=invocation_id)


def _partition(slot: int, shard: int) -> str:
    return f"{slot}{_SEPARATOR}{shard}"
