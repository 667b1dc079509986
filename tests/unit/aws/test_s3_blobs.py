"""Large values in a bucket: whole, by owner, gone when they are forgotten, and every trouble in the engine's words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from holdfast_aws import s3_blobs
from holdfast_aws.clients import s3_client
from holdfast_aws.s3_blobs import S3Blobs
from holdfast_engine.errors import StoreUnreachable, Throttled
from tests.support.buckets import make_empty
from tests.support.dynamo_stores import aws_session
from tests.support.queues import client_error

BUCKET = "large-values"
ONE, OTHER = "inv_1aaa", "inv_1aaab"


@pytest.fixture
def client() -> Iterator[Any]:
    """A client of moto's S3 with a bucket."""
    with mock_aws():
        client = s3_client(aws_session())
        make_empty(client, BUCKET)
        yield client


@pytest.fixture
def blobs(client: Any) -> Iterator[S3Blobs]:
    """Blobs in the bucket."""
    blobs = S3Blobs(client, BUCKET)
    yield blobs
    blobs.close()


def keys(client: Any) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 1000, b"x" * 6_000_000], ids=["none", "bytes", "megabytes"])
async def test_what_is_put_can_be_got(blobs: S3Blobs, content: bytes) -> None:
    """A blob comes back byte for byte, however large it is."""
    await blobs.put(ONE, "name", content)
    assert await blobs.get(ONE, "name") == content


async def test_the_same_blob_again_is_one_object(blobs: S3Blobs, client: Any) -> None:
    """Putting a blob twice, at once or later, leaves one object that lies below its owner."""
    await asyncio.gather(*[blobs.put(ONE, "name", b"content") for _ in range(4)])
    await blobs.put(ONE, "name", b"content")
    (key,) = keys(client)
    assert key.split("/")[1:] == [ONE, "name"]


async def test_owners_are_spread_over_the_bucket(blobs: S3Blobs, client: Any) -> None:
    """Keys do not all begin alike, though ids of one service do."""
    for number in range(20):
        await blobs.put(f"inv_1aaaaaaaaaaa{number}", "name", b"")
    assert len({key[:2] for key in keys(client)}) > 10


async def test_what_is_forgotten_is_gone_and_nothing_else(blobs: S3Blobs, client: Any) -> None:
    """Forgetting an owner deletes all its blobs and none of an owner whose id begins the same."""
    for owner in (ONE, OTHER):
        for name in ("a", "b"):
            await blobs.put(owner, name, owner.encode())
    await blobs.forget(ONE)
    assert [key.split("/")[1:] for key in keys(client)] == [[OTHER, "a"], [OTHER, "b"]]
    with pytest.raises(StoreUnreachable, match=f"a blob of {ONE} is not in the bucket {BUCKET}"):
        await blobs.get(ONE, "a")
    await blobs.forget(ONE)
    await blobs.forget("never seen")


async def test_one_blob_can_be_dropped(blobs: S3Blobs) -> None:
    """Dropping a blob leaves the others of its owner, and again is no matter."""
    await blobs.put(ONE, "a", b"1")
    await blobs.put(ONE, "b", b"2")
    for _ in range(2):
        await blobs.drop(ONE, "a")
    assert await blobs.get(ONE, "b") == b"2"
    with pytest.raises(StoreUnreachable):
        await blobs.get(ONE, "a")


class Listing:
    """A client whose bucket lists so many objects of an owner at a time, and deletes what it is told."""

    def __init__(self, count: int, *, most: int = 1000, refuses: str | None = None) -> None:
        self.left = [f"object-{number}" for number in range(count)]
        self.lists = 0
        self._most = most
        self._refuses = refuses

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        self.lists += 1
        contents = [{"Key": key} for key in self.left[: self._most]]
        return {"Contents": contents, "IsTruncated": len(self.left) > self._most}

    def delete_objects(self, *, Delete: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto's names.
        asked = {each["Key"] for each in Delete["Objects"]}
        refused = [key for key in asked if key == self._refuses]
        self.left = [key for key in self.left if key not in asked or key == self._refuses]
        return {"Errors": [{"Key": key, "Code": "AccessDenied", "Message": "no"} for key in refused]}


async def test_many_blobs_are_deleted_a_thousand_at_a_time() -> None:
    """An owner of more objects than one list holds loses all of them."""
    client = Listing(3_500)
    await S3Blobs(client, BUCKET).forget(ONE)
    assert (client.left, client.lists) == ([], 4)


async def test_deleting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a bucket goes on listing, deleting ends and says that it did not come to an end."""
    monkeypatch.setattr(s3_blobs, "_LISTS_MAX", 3)
    client = Listing(100, most=10)
    with pytest.raises(StoreUnreachable, match="more blobs than can be deleted"):
        await S3Blobs(client, BUCKET).forget(ONE)
    assert client.lists == 3


async def test_what_could_not_be_deleted_is_said() -> None:
    """An object that S3 does not delete is a failure with S3's reason."""
    with pytest.raises(StoreUnreachable, match=r"1 blobs of inv_1aaa could not be deleted.*AccessDenied: no"):
        await S3Blobs(Listing(3, refuses="object-1"), BUCKET).forget(ONE)


class Raising:
    """A client whose requests all fail."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        def fail(**_: Any) -> Any:
            raise self._error

        return fail


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("SlowDown", status=503), Throttled),
        (client_error("AccessDenied", status=403), StoreUnreachable),
        (client_error("NoSuchBucket", status=404), StoreUnreachable),
        (EndpointConnectionError(endpoint_url="u"), StoreUnreachable),
    ],
)
async def test_troubles_are_those_of_a_store(error: Exception, kind: type[Exception]) -> None:
    """Whatever S3 does, callers see the engine's failures, with the owner in the sentence."""
    blobs = S3Blobs(Raising(error), BUCKET)
    for request in (
        blobs.put(ONE, "a", b""),
        blobs.get(ONE, "a"),
        blobs.drop(ONE, "a"),
        blobs.forget(ONE),
    ):
        with pytest.raises(kind, match=ONE):
            await request
