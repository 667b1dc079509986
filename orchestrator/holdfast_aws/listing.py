"""The `Listing` on DynamoDB: the index says which invocations there are and when they began, their heads say the rest.

Nothing that moves is in the index, so a filter by status reads heads until a page is full or it has looked at
`EXAMINED_MAX` of them; the page then says where to go on. All of it is eventually consistent, which costs half and is
as good for people: a new invocation is in the list some milliseconds after it was created.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from holdfast_aws.items import Raw, head_of
from holdfast_aws.keys import partition_of
from holdfast_aws.listing_order import Newest, Span
from holdfast_engine.errors import RequestRejected
from holdfast_engine.ports.listing import Count, Listed, Place, Selection
from holdfast_engine.records import Head, KeyRef, Promise
from holdfast_engine.unfinished_listing import UnfinishedListing
from holdfast_protocol.items import HEAD_SORT

if TYPE_CHECKING:
    from holdfast_aws.store import DynamoStore

# How many heads one page may look at, for half a read unit each.
EXAMINED_MAX = 1_000
# The overview is made from so many, and asked for again and again.
_COUNTED_MAX = 500
# How many megabytes of keys a page may look at, for 128 units each.
KEY_PAGES_MAX = 20
# DynamoDB's own bound of one request.
_HEADS_AT_ONCE = 100


class DynamoListing(UnfinishedListing):
    """Lists what is in the tables of one deployment; keys only where they have a queue or are named."""

    lists_all = True

    def __init__(self, store: DynamoStore) -> None:
        super().__init__(store)
        self._tables = store

    async def invocations(self, selection: Selection, *, after: Place | None, limit: int) -> Listed:
        """Return a page of invocations, newest first."""
        span = Span(from_ms=selection.from_ms, before_ms=selection.before_ms, after=after)
        newest = Newest(
            self._tables.dynamo, self._tables.models.head, await self._services(selection), span, expected=limit
        )
        is_filtered = (selection.handler, selection.key, selection.statuses) != (None, None, None)
        heads: list[Head] = []
        examined: list[Place] = []
        left: list[Place] = []
        while len(heads) < limit and len(examined) < EXAMINED_MAX:
            # What is beyond a full page would be read for nothing.
            left = await newest.take(_HEADS_AT_ONCE if is_filtered else min(_HEADS_AT_ONCE, limit - len(heads)))
            if not left:
                break
            head_by_place = await self._heads(left)
            while left and len(heads) < limit:
                examined.append(left.pop(0))
                head = head_by_place.get(examined[-1])
                if head is not None and selection.matches(head):
                    heads.append(head)
        is_over = newest.is_over and not left
        place = None if is_over else examined[-1]
        return Listed(heads=tuple(heads), next=place, is_whole=True, looked_at=len(examined) + len(left))

    async def counts(self) -> tuple[Count, ...]:
        """Return how many of the newest there are by service and status."""
        listed = await self.invocations(Selection(), after=None, limit=_COUNTED_MAX)
        counted = Counter((head.target.service, head.status) for head in listed.heads)
        return tuple(Count(service=service, status=status, count=n) for (service, status), n in counted.items())

    async def keys(self, *, service: str | None, key: str | None, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return the very key when it is named, else those with a queue.

        Raises:
            RequestRejected: They are too few among too many to be looked for.
        """
        if service is not None and key is not None:
            return await super().keys(service=service, key=key, after=after, limit=limit)
        found: list[KeyRef] = []
        behind: Raw | None = {"p": {"S": partition_of(after)}, "s": {"S": "l"}} if after is not None else None
        for _ in range(KEY_PAGES_MAX):
            page, behind = await self._tables.busy_keys_page(behind=behind)
            found += [each for each in page if service in (None, each.service) and key in (None, each.key)]
            if behind is None or len(found) >= limit:
                return found[:limit]
        if found:
            return found
        raise RequestRejected(
            f"no key that is held is among {KEY_PAGES_MAX} MB of keys, and no more is looked at: name service and key"
        )

    async def promises(self, key: KeyRef) -> tuple[tuple[str, Promise], ...]:
        """Return the promises of a key; one with a very long name is known by a hash of it."""
        return await self._tables.promises(key)

    async def _services(self, selection: Selection) -> list[str]:
        return [selection.service] if selection.service is not None else await self._tables.services.everything()

    async def _heads(self, places: list[Place]) -> dict[Place, Head]:
        """Return the heads of places; what has gone since, or begun anew under its id, is listed elsewhere or not."""
        raws = await self._tables.dynamo.glance(self._tables.models.head, [(each.id, HEAD_SORT) for each in places])
        heads = [head_of(raw) for raw in raws]
        return {Place(created_ms=head.created_ms, id=head.id): head for head in heads}
