"""Listing over the bare store port: what is unfinished, and the keys that have a queue; it says that this is not all.

A page looks at a bounded number of heads, and the order within the whole is that of the ids.
"""

from __future__ import annotations

from collections import Counter

from holdfast_engine.ports import Store
from holdfast_engine.ports.listing import Count, History, Listed, Place, Selection
from holdfast_engine.records import KeyRef, Promise, Status

_PAGE = 100
# Pages of heads that one page of a list may look at.
_PAGES_MAX = 10


class UnfinishedListing:
    """Finds what recovery finds."""

    lists_all = False
    lists_keys = False

    def __init__(self, store: Store) -> None:
        self._store = store

    async def invocations(self, selection: Selection, *, after: Place | None, limit: int) -> Listed:
        """Return those among the unfinished that match; newest first within a page."""
        last = after.id if after is not None else None
        heads = []
        looked_at = 0
        for _ in range(_PAGES_MAX):
            page = await self._store.unfinished(after=last, limit=_PAGE)
            if not page:
                last = None
                break
            for head in page:
                last = head.id
                looked_at += 1
                if selection.matches(head):
                    heads.append(head)
                if len(heads) == limit:
                    break
            if len(heads) == limit:
                break
        heads.sort(key=lambda head: (-head.created_ms, head.id))
        ends_at = Place(created_ms=0, id=last) if last is not None else None
        is_whole = selection.statuses is not None and Status.COMPLETED not in selection.statuses
        return Listed(heads=tuple(heads), next=ends_at, is_whole=is_whole, looked_at=looked_at)

    async def counts(self) -> tuple[Count, ...]:
        """Count what a page of a list would look at."""
        listed = await self.invocations(Selection(), after=None, limit=_PAGE * _PAGES_MAX)
        counted = Counter((head.target.service, head.status) for head in listed.heads)
        return tuple(Count(service=service, status=status, count=n) for (service, status), n in counted.items())

    async def keys(self, *, service: str | None, key: str | None, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return the very key when it is named, else those with a queue."""
        if service is not None and key is not None:
            return [] if after is not None else [KeyRef(service=service, key=key)]
        found: list[KeyRef] = []
        for _ in range(_PAGES_MAX):
            page = await self._store.busy_keys(after=after, limit=limit)
            found += [each for each in page if service in (None, each.service) and key in (None, each.key)]
            if len(page) < limit or len(found) >= limit:
                break
            after = page[-1]
        return found[:limit]

    async def promises(self, key: KeyRef) -> tuple[tuple[str, Promise], ...]:  # noqa: ARG002 - the port's signature.
        """Return none: the store knows promises only by their names."""
        return ()

    async def history(self, invocation_id: str) -> History:  # noqa: ARG002 - the port's signature.
        """Return nothing: no moment was written down."""
        return History(moments=(), failures=())
