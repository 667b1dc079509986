"""The index that lists are made from: what it costs to write and to read, its order, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from holdfast_aws import listing, listing_index
from holdfast_aws.store import DynamoStore
from holdfast_engine.errors import RequestRejected
from holdfast_engine.ports.listing import Place, Selection
from holdfast_engine.records import Head, KeyRef, Outcome, Status, Target
from holdfast_local.surroundings import SystemClock
from tests.conformance.store.samples import created, in_status
from tests.support.dynamo_stores import client_of, new_store
from tests.support.dynoxide import Dynoxide

FIRST_MS = 1_800_000_000_000
SERVICE = "Listed"
OTHER = "Listed1"


@pytest.fixture(scope="module")
def client(dynoxide: Dynoxide) -> Any:
    """A client that all stores of this file share."""
    return client_of(dynoxide.url)


@pytest.fixture
def store(client: Any) -> Iterator[DynamoStore]:
    """A store on tables of its own."""
    store = new_store(client, clock=SystemClock())
    yield store
    store.close()


async def _create(store: DynamoStore, number: int, *, service: str = SERVICE, status: Status = Status.READY) -> Head:
    """Create an invocation; five of them share each millisecond."""
    created_ms = FIRST_MS + number // 5
    target = Target(service=service, key=None, handler=("one", "two")[number % 2])
    completed_ms = created_ms if status is Status.COMPLETED else None
    head = replace(in_status(status), target=target, created_ms=created_ms, modified_ms=created_ms)
    return await created(store, replace(head, completed_ms=completed_ms))


async def _all(store: DynamoStore, selection: Selection, *, limit: int) -> list[Head]:
    heads: list[Head] = []
    after: Place | None = None
    while True:
        listed = await store.listing.invocations(selection, after=after, limit=limit)
        assert len(listed.heads) <= limit
        heads += listed.heads
        if listed.next is None:
            return heads
        after = listed.next


def _newest_first(heads: list[Head]) -> list[str]:
    return [head.id for head in sorted(heads, key=lambda head: (head.created_ms, head.id), reverse=True)]


async def test_every_page_size_gives_the_same_order(store: DynamoStore) -> None:
    """Whatever the size of a page, each invocation is listed once, newest first, and by its id within a millisecond."""
    made = [await _create(store, number) for number in range(60)]
    others = [await _create(store, number, service=OTHER) for number in range(10)]
    for limit in (1, 7, 100):
        assert [head.id for head in await _all(store, Selection(service=SERVICE), limit=limit)] == _newest_first(made)
    assert [head.id for head in await _all(store, Selection(), limit=9)] == _newest_first([*made, *others])


async def test_filters_choose(store: DynamoStore) -> None:
    """Times bound what is read, and handlers, keys and statuses what is shown of it."""
    made = [await _create(store, number) for number in range(20)]
    ended = [await _create(store, number, status=Status.COMPLETED) for number in range(20, 25)]
    chosen = {
        Selection(service=SERVICE, from_ms=FIRST_MS + 1, before_ms=FIRST_MS + 3): made[5:15],
        Selection(service=SERVICE, statuses=frozenset({Status.COMPLETED})): ended,
        Selection(service=SERVICE, handler="one"): [*made, *ended][::2],
        Selection(service=SERVICE, key="k"): [],
        Selection(service=SERVICE, statuses=frozenset()): [],
        Selection(service="Listed10"): [],
    }
    for selection, expected in chosen.items():
        found = [head.id for head in await _all(store, selection, limit=4)]
        assert found == _newest_first(expected), selection


async def test_a_filter_that_finds_little_is_cut(store: DynamoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks at a bounded number of invocations, and says where to go on even when it found none of them."""
    monkeypatch.setattr(listing, "EXAMINED_MAX", 100)
    oldest = await _create(store, 0, status=Status.COMPLETED)
    for number in range(5, 155):
        await _create(store, number)
    ended = Selection(service=SERVICE, statuses=frozenset({Status.COMPLETED}))
    first = await store.listing.invocations(ended, after=None, limit=1)
    assert (first.heads, first.looked_at) == ((), 100)
    assert first.next is not None
    second = await store.listing.invocations(ended, after=first.next, limit=1)
    assert [head.id for head in second.heads] == [oldest.id]


async def test_a_page_of_a_hundred_stays_within_its_reads(store: DynamoStore) -> None:
    """A page of 100 by service reads at most 60 units, the second as the first, however many there are."""
    for number in range(250):
        await _create(store, number)
    selection, after = Selection(service=SERVICE), None
    for _ in range(2):
        before = store.meter.listing_read_units + store.meter.read_units
        listed = await store.listing.invocations(selection, after=after, limit=100)
        used = store.meter.listing_read_units + store.meter.read_units - before
        print(f"a page of {len(listed.heads)} read {used} units")
        assert len(listed.heads) == 100
        assert used <= 60
        after = listed.next


async def test_only_creating_writes_to_the_index(store: DynamoStore) -> None:
    """One unit for an invocation when it is created, and none for whatever happens to it."""
    await store.services.note([SERVICE])
    before = store.meter.listing_units
    head = await _create(store, 0)
    assert store.meter.listing_units == before + 1
    acquired = await store.acquire(
        head.id,
        epoch=head.epoch,
        status=head.status,
        now_ms=FIRST_MS,
        lease_until_ms=FIRST_MS + 1,
        deployment_id="dp_1",
        protocol_version=5,
        ticket=None,
        failed_attempts=0,
        command_retries=0,
    )
    assert acquired is not None
    assert await store.renew(head.id, epoch=acquired.head.epoch, lease_until_ms=FIRST_MS + 2)
    assert store.meter.listing_units == before + 1


async def test_what_is_forgotten_is_listed_no_more(store: DynamoStore) -> None:
    """The index follows its table: an invocation that is gone is in no list."""
    kept, gone = [await _create(store, number, status=Status.COMPLETED) for number in range(2)]
    assert await store.forget(gone.id, nonce=gone.nonce)
    assert [head.id for head in await _all(store, Selection(service=SERVICE), limit=10)] == [kept.id]


async def test_a_service_without_deployments_is_listed(store: DynamoStore, client: Any) -> None:
    """A list of everything asks for services that nobody has deployed, and a process that has just begun knows them."""
    head = await _create(store, 0, service="Orphan")
    assert {each.id for each in await _all(store, Selection(), limit=10)} == {head.id}
    assert await store.services.everything() == ["Orphan"]


async def test_held_keys_are_looked_for_within_a_bound(store: DynamoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that somebody holds are found page by page; where they are too few among too many, that is said."""
    held = [KeyRef(service="Held", key=str(number)) for number in range(5)]
    for key in held:
        assert await store.enter_free(key, "inv_1") is not None
    found: list[KeyRef] = []
    while page := await store.listing.keys(service="Held", key=None, after=found[-1] if found else None, limit=2):
        found += page
    assert sorted(found, key=str) == held
    monkeypatch.setattr(listing, "KEY_PAGES_MAX", 0)
    with pytest.raises(RequestRejected, match="name service and key"):
        await store.listing.keys(service="Held", key=None, after=None, limit=2)
    assert await store.listing.keys(service="Held", key="1", after=None, limit=2) == [held[1]]


async def test_promises_are_listed(store: DynamoStore) -> None:
    """The promises of a key are listed by name, completed or not."""
    key = KeyRef(service="Flow", key="k")
    await store.complete_promise(key, "b", outcome=Outcome(value=b"1"), by="me")
    await store.complete_promise(key, "a", outcome=Outcome(value=b"2"), by="me")
    assert [name for name, _ in await store.listing.promises(key)] == ["a", "b"]


def test_one_service_is_spread(store: DynamoStore) -> None:
    """The invocations of one service are spread over all its partitions, of which no other service has one."""
    used = {listing_index.partition_of(SERVICE, f"inv_{number}") for number in range(200)}
    assert used == set(listing_index.partitions_of(SERVICE))
    assert used.isdisjoint(listing_index.partitions_of(OTHER))


async def test_what_is_older_than_the_index_comes_into_it(store: DynamoStore, client: Any) -> None:
    """The walk through the journals lists what was created before there was an index, whatever its status."""
    made = [
        await _create(store, number, status=status) for number, status in enumerate((Status.READY, Status.COMPLETED))
    ]
    for head in made:
        client.update_item(
            TableName=store.models.head.Meta.table_name,
            Key={"p": {"S": head.id}, "s": {"S": "h"}},
            UpdateExpression=f"REMOVE {listing_index.PARTITION}",
        )
    assert await _all(store, Selection(service=SERVICE), limit=10) == []
    assert await store.keep_stretch(None) is None
    assert [head.id for head in await _all(store, Selection(service=SERVICE), limit=10)] == _newest_first(made)
