"""Every listing finds what it says it can find: the embedded one all, the one over the bare port what has not ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_aws.store import DynamoStore
from holdfast_engine.ports import Store
from holdfast_engine.ports.listing import Listing, Place, Selection
from holdfast_engine.records import KeyRef, Status
from holdfast_engine.unfinished_listing import UnfinishedListing
from holdfast_local.sqlite_store import SqliteStore
from tests.conformance.store.samples import created, in_status

UNFINISHED = frozenset(Status) - {Status.COMPLETED}


@pytest.fixture(params=["own", "over the port"])
def listing(store: Store, request: pytest.FixtureRequest) -> Listing:
    """The store's own listing, if it has one, and the one that every store has."""
    if request.param == "own" and isinstance(store, SqliteStore | DynamoStore):
        return store.listing
    return UnfinishedListing(store)


async def test_what_has_not_ended_is_found(store: Store, listing: Listing) -> None:
    """Each unfinished invocation is found exactly once, in pages of any size, and a filter leaves out the others."""
    heads = [await created(store, in_status(status)) for status in sorted(UNFINISHED) for _ in range(2)]
    for limit in (1, 3, 100):
        found: list[str] = []
        after: Place | None = None
        while True:
            listed = await listing.invocations(Selection(statuses=UNFINISHED), after=after, limit=limit)
            assert listed.is_whole
            assert len(listed.heads) <= limit
            found += [head.id for head in listed.heads]
            if listed.next is None:
                break
            after = listed.next
        assert len(found) == len(set(found))
        assert set(found) >= {head.id for head in heads}
    paused = Selection(statuses=frozenset({Status.PAUSED}))
    listed = await listing.invocations(paused, after=None, limit=100)
    assert {head.status for head in listed.heads} == {Status.PAUSED}


async def test_what_has_ended_is_found_or_said_to_be_missing(store: Store, listing: Listing) -> None:
    """Asked for everything, a listing that cannot find what has ended says that it is not whole."""
    done = await created(store, replace(in_status(Status.COMPLETED), completed_ms=1))
    listed = await listing.invocations(Selection(), after=None, limit=1000)
    assert listed.is_whole == listing.lists_all
    if listing.lists_all:
        assert done.id in {head.id for head in listed.heads}


async def test_a_key_is_found_by_its_name(store: Store, listing: Listing) -> None:
    """A key that is named with its service is found, once."""
    key = KeyRef(service="Listed", key="by name")
    assert await store.enter_free(key, "inv_1") is not None
    assert await listing.keys(service=key.service, key=key.key, after=None, limit=10) == [key]
    assert await listing.keys(service=key.service, key=key.key, after=key, limit=10) == []
