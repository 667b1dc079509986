"""Walks: they pass by everything in time, go on where they were, and delete no value that anybody can still ask for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from holdfast_aws.blob_walk import AGE_MS_MIN, BlobWalk
from holdfast_aws.clients import s3_client
from holdfast_aws.keys import partition_of
from holdfast_aws.s3_blobs import S3Blobs
from holdfast_aws.store import DynamoStore
from holdfast_aws.values import ITEM_VALUE_BYTES_MAX, owner_of, partition_of_owner
from holdfast_aws.walks import Walk
from holdfast_engine.records import KeyRef, StateWrites
from holdfast_local.surroundings import SystemClock
from holdfast_protocol.ids import encode_invocation_id
from tests.support.attempts import FixedClock
from tests.support.buckets import make_empty
from tests.support.dynamo_stores import aws_session, client_of, new_store, new_tables
from tests.support.dynoxide import Dynoxide

EVERY_MS = 1_000_000
BUCKET = "large-values"
ALIVE, GONE = (encode_invocation_id(bytes([number]) * 24) for number in (1, 2))


# Of a key that is too long to be told from the name.
STRANGE = owner_of("k" * 1_000)
KEY = KeyRef(service="Chest", key="\u2603/of gold")


class Hand(FixedClock):
    """A clock that is set, and moves on by a second with each look."""

    ms = 1_800_000_000_000

    def now_ms(self) -> int:
        self.ms += 1000
        return self.ms


@pytest.fixture
def store(dynoxide: Dynoxide) -> Iterator[DynamoStore]:
    """A store whose table of timers holds the marks."""
    store = new_store(client_of(dynoxide.url), clock=SystemClock())
    yield store
    store.close()


class Places:
    """A walk over numbers, in stretches of one; fails when it is told to."""

    def __init__(self, store: DynamoStore, clock: Hand, *, last: int = 5) -> None:
        self.seen: list[int] = []
        self.fails = False
        self._last = last
        table = store.models.head.Meta.table_name
        self.walk = Walk(store.dynamo, table, name="numbers", clock=clock, every_ms=EVERY_MS, stretch=self._stretch)

    async def _stretch(self, place: str | None) -> str | None:
        if self.fails:
            raise ConnectionError
        number = int(place or 0) + 1
        self.seen.append(number)
        return str(number) if number < self._last else None


async def test_a_walk_goes_on_where_it_was(store: DynamoStore) -> None:
    """A walk that is cut off goes on behind its last stretch, and begins anew when its time has come."""
    clock = Hand()
    places = Places(store, clock)
    assert not await places.walk.go_on(until_ms=clock.ms + 3_500)
    assert 0 < len(places.seen) < 5
    assert await places.walk.go_on(until_ms=clock.ms + 100_000)
    assert places.seen == [1, 2, 3, 4, 5]
    assert await places.walk.go_on(until_ms=clock.ms + 100_000)
    assert places.seen == [1, 2, 3, 4, 5]
    clock.ms += EVERY_MS
    assert await Places(store, clock).walk.go_on(until_ms=clock.ms + 100_000)


async def test_a_stretch_that_fails_is_done_again(store: DynamoStore) -> None:
    """What a stretch could not do is what the next run begins with."""
    clock = Hand()
    places = Places(store, clock)
    await places.walk.go_on(until_ms=clock.ms + 3_500)
    done = list(places.seen)
    places.fails = True
    with pytest.raises(ConnectionError):
        await places.walk.go_on(until_ms=clock.ms + 100_000)
    places.fails = False
    await places.walk.go_on(until_ms=clock.ms + 100_000)
    assert places.seen == [*done, *range(len(done) + 1, 6)]


async def test_a_walk_that_falls_behind_says_so(store: DynamoStore, caplog: pytest.LogCaptureFixture) -> None:
    """When the last whole walk is older than two should be, the log has an error, and the walk says so until it is."""
    clock = Hand()
    places = Places(store, clock)
    with caplog.at_level(logging.ERROR):
        await places.walk.go_on(until_ms=clock.ms + 100_000)
        clock.ms += EVERY_MS
        await places.walk.go_on(until_ms=clock.ms + 100_000)
        assert (caplog.records, places.walk.is_behind) == ([], False)
        clock.ms += 3 * EVERY_MS
        await places.walk.go_on(until_ms=clock.ms + 100_000)
    assert "falls behind" in caplog.text
    assert places.walk.is_behind
    clock.ms += EVERY_MS
    await places.walk.go_on(until_ms=clock.ms + 100_000)
    assert not places.walk.is_behind


@pytest.fixture
def client() -> Iterator[Any]:
    """A client of moto's S3 with a bucket that keeps versions."""
    with mock_aws():
        client = s3_client(aws_session())
        make_empty(client, BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def blobs(client: Any) -> Iterator[S3Blobs]:
    """Blobs in the bucket."""
    blobs = S3Blobs(client, BUCKET)
    yield blobs
    blobs.close()


class Later(SystemClock):
    """A clock that is ahead of S3's by more than the age from which on values go."""

    def now_ms(self) -> int:
        return super().now_ms() + AGE_MS_MIN + 60_000


async def exists(invocation_id: str) -> bool:
    return invocation_id == ALIVE


async def nothing(_: str) -> frozenset[str]:
    return frozenset()


async def test_values_go_with_their_invocation(blobs: S3Blobs, client: Any) -> None:
    """Of an invocation that is gone all values go; none of one that is alive, or of a stranger."""
    for owner in (ALIVE, GONE, STRANGE):
        await blobs.put(owner, "a", b"1")
        await blobs.put(owner, "b", b"2")
    client.put_object(Bucket=BUCKET, Key="somebody-else", Body=b"")
    assert await BlobWalk(blobs=blobs, exists=exists, state_blobs=nothing, clock=Later()).stretch(None) is None
    left = {
        each["Key"].split("/")[1] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"] if "/" in each["Key"]
    }
    assert left == {ALIVE, STRANGE}
    assert await blobs.get(ALIVE, "a") == b"1"
    versions = client.list_object_versions(Bucket=BUCKET)
    assert not [each for each in versions["Versions"] if GONE in each["Key"]]


async def test_state_that_no_lock_points_to_goes(dynoxide: Dynoxide, blobs: S3Blobs, client: Any) -> None:
    """What a process that died left behind of a key's state is deleted, and what the key has now is not."""
    tables = new_tables(dynamodb := client_of(dynoxide.url))
    store = DynamoStore(dynamodb, tables, clock=SystemClock(), blobs=blobs)
    owner, size = owner_of(partition_of(KEY)), ITEM_VALUE_BYTES_MAX + 1
    assert await store.enter_free(KEY, ALIVE) is not None
    # A process that dies before it writes the lock leaves this; so does one that dies before it deletes what was there.
    await blobs.put(owner, "0.1.abandoned", b"x")
    writes = StateWrites(clear_all=False, values=(("gold", b"x" * size), ("silver", b"x" * size)))
    assert await store.apply(KEY, ticket=0, invocation_id=ALIVE, index=1, writes=writes)
    walk = BlobWalk(blobs=blobs, exists=exists, state_blobs=store.state_blobs, clock=Later())
    await walk.stretch(None)
    kept = (await store.keyed(KEY, with_state=True)).state
    assert {name: len(value) for name, value in kept.items()} == {"gold": size, "silver": size}
    left = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert len([key for key in left if owner in key]) == 2
    store.close()


@pytest.mark.parametrize("partition", ["", "Chest\x1fgold", "\u2603/ #?", "k" * 600])
def test_an_owner_tells_its_partition(partition: str) -> None:
    """The partition of a key can be read from who owns its blobs, as long as that is a name S3 takes."""
    owner = owner_of(partition)
    assert partition_of_owner(owner) == partition
    assert "/" not in owner
    assert len(owner) < 1_000


def test_other_owners_tell_none() -> None:
    """Long keys, invocations and strangers have no partition to look at."""
    assert [partition_of_owner(each) for each in (STRANGE, ALIVE, "state-\u2603", "state-0123", "state-YQ==", "")] == [
        None
    ] * 6


async def test_what_has_just_been_put_stays(blobs: S3Blobs) -> None:
    """A value is there before its invocation is: what is young is left alone."""
    await blobs.put(GONE, "a", b"1")
    await BlobWalk(blobs=blobs, exists=exists, state_blobs=nothing, clock=SystemClock()).stretch(None)
    assert await blobs.get(GONE, "a") == b"1"


async def test_a_value_that_is_put_again_meanwhile_survives(blobs: S3Blobs) -> None:
    """A new invocation under the id of one that is gone keeps its value, though the walk has seen the old one's."""
    await blobs.put(GONE, "a", b"1")

    async def exists_a_moment_later(invocation_id: str) -> bool:
        await blobs.put(invocation_id, "a", b"1")
        return False

    await BlobWalk(blobs=blobs, exists=exists_a_moment_later, state_blobs=nothing, clock=Later()).stretch(None)
    assert await blobs.get(GONE, "a") == b"1"


async def test_a_large_bucket_is_walked_in_stretches(blobs: S3Blobs, client: Any, monkeypatch: Any) -> None:
    """A place in the bucket is where the next stretch begins, and at the end everybody has been looked for."""
    owners = {encode_invocation_id(bytes([number]) * 24) for number in range(7)}
    for owner in owners:
        await blobs.put(owner, "value", b"")
    listed = client.list_object_versions
    monkeypatch.setattr(client, "list_object_versions", lambda **asked: listed(**asked, MaxKeys=3))
    looked_for: list[str] = []

    async def everybody(invocation_id: str) -> bool:
        looked_for.append(invocation_id)
        return True

    walk = BlobWalk(blobs=blobs, exists=everybody, state_blobs=nothing, clock=Later())
    place, stretches = await walk.stretch(None), 1
    while place is not None:
        place, stretches = await walk.stretch(place), stretches + 1
    assert stretches == 3
    assert sorted(looked_for) == sorted(owners)
