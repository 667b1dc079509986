"""Reading the index from the newest invocation on, out of many partitions at once and in one exact order.

Each partition answers newest first, but says nothing of the order of those that were created in the same millisecond. A
list needs one: a page begins behind the place where the one before it ended. So of a partition's answer only whole
milliseconds are passed on, sorted by id; the last of them may go on in the next answer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdfast_aws import listing_index
from holdfast_aws.dynamo import Dynamo, Request
from holdfast_aws.items import Raw
from holdfast_aws.models import HeadItem
from holdfast_engine.ports.listing import Place

# A query bills four KB at least, which is some sixty entries.
_PAGE_MIN = 16
_PAGE_MAX = 100
_REQUESTS_AT_ONCE = 16
_LATEST_MS = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which times are looked at, and behind which place; `before_ms` is exclusive."""

    from_ms: int | None
    before_ms: int | None
    after: Place | None

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the earliest and the latest time, both inclusive."""
        latest = _LATEST_MS if self.before_ms is None else self.before_ms - 1
        return self.from_ms or 0, latest if self.after is None else min(latest, self.after.created_ms)

    def holds(self, place: Place) -> bool:
        """Return whether a place comes behind the one that the page begins behind."""
        return self.after is None or _order(place) < _order(self.after)


class Newest:
    """The entries of some services, newest first."""

    def __init__(
        self, dynamo: Dynamo, model: type[HeadItem], services: Sequence[str], span: Span, *, expected: int
    ) -> None:
        partitions = [each for service in services for each in listing_index.partitions_of(service)]
        # Twice its share of each: mostly they need not be asked again.
        page = min(max(2 * expected // max(len(partitions), 1), _PAGE_MIN), _PAGE_MAX)
        self._streams = [_Stream(dynamo, model, each, span, page=page) for each in partitions]
        self._turns: list[_Stream] | None = None

    @property
    def is_over(self) -> bool:
        """Whether all have been taken."""
        return self._turns is not None and not self._turns

    async def take(self, count: int) -> list[Place]:
        """Return the next entries; fewer at the end."""
        if self._turns is None:
            self._turns = await self._begun()
        taken: list[Place] = []
        while self._turns and len(taken) < count:
            stream = heapq.heappop(self._turns)
            taken.append(stream.ready.popleft())
            if stream.ready or await stream.fill():
                heapq.heappush(self._turns, stream)
        return taken

    async def _begun(self) -> list[_Stream]:
        room = asyncio.Semaphore(_REQUESTS_AT_ONCE)

        async def fill(stream: _Stream) -> bool:
            async with room:
                return await stream.fill()

        filled = await asyncio.gather(*map(fill, self._streams))
        turns = [stream for stream, has_any in zip(self._streams, filled, strict=True) if has_any]
        heapq.heapify(turns)
        return turns


class _Stream:
    """One partition of the index. `ready` is in order; streams sort by what they have ready, newest first."""

    def __init__(self, dynamo: Dynamo, model: type[HeadItem], partition: str, span: Span, *, page: int) -> None:
        self._dynamo = dynamo
        self._model = model
        self._span = span
        self._request: Request | None = _request(partition, span, page=page)
        # Of the last millisecond that was answered, which may go on.
        self._open: list[Place] = []
        self.ready: deque[Place] = deque()

    def __lt__(self, other: _Stream) -> bool:
        return _order(self.ready[0]) > _order(other.ready[0])

    async def fill(self) -> bool:
        """Read on until something is ready; False at the end."""
        while not self.ready and self._request is not None:
            raws, behind = await self._dynamo.index_page(self._model, self._request)
            self._request = {**self._request, "ExclusiveStartKey": behind} if behind is not None else None
            self._open += [_place(raw) for raw in raws]
            whole, self._open = self._open, []
            if self._request is not None and whole:
                open_ms = whole[-1].created_ms
                self._open = [place for place in whole if place.created_ms == open_ms]
                whole = [place for place in whole if place.created_ms > open_ms]
            self.ready.extend(sorted(filter(self._span.holds, whole), key=_order, reverse=True))
        return bool(self.ready)


def _request(partition: str, span: Span, *, page: int) -> Request | None:
    earliest, latest = span.bounds
    if earliest > latest:
        return None
    values: dict[str, Any] = {":in": {"S": partition}, ":from": {"N": str(earliest)}, ":to": {"N": str(latest)}}
    return {
        "IndexName": listing_index.NAME,
        "KeyConditionExpression": "#in = :in AND #at BETWEEN :from AND :to",
        "ExpressionAttributeNames": {"#in": listing_index.PARTITION, "#at": listing_index.SORT},
        "ExpressionAttributeValues": values,
        "ScanIndexForward": False,
        "Limit": page,
    }


def _place(raw: Raw) -> Place:
    return Place(created_ms=int(raw[listing_index.SORT]["N"]), id=raw["p"]["S"])


def _order(place: Place) -> tuple[int, str]:
    return place.created_ms, place.id
