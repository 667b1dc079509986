"""What is larger than DynamoDB's limits works all the same, or is refused with a sentence that names the limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from moto import mock_aws

import holdfast
from holdfast_aws.clients import s3_client
from holdfast_aws.s3_blobs import S3Blobs
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Submission
from holdfast_engine.errors import PayloadTooLarge
from holdfast_engine.records import KeyRef, Outcome, StateWrites, Target
from holdfast_local.surroundings import SystemClock
from tests.support import large
from tests.support.dynamo_server import DynamoServer
from tests.support.dynamo_stores import aws_session, client_of, new_tables
from tests.support.dynoxide import Dynoxide

KEY = KeyRef(service="Store", key="k")


@pytest.fixture
def blobs() -> Iterator[S3Blobs]:
    """A bucket for what is too large for an item."""
    with mock_aws():
        client = s3_client(aws_session())
        client.create_bucket(Bucket="large-values")
        blobs = S3Blobs(client, "large-values")
        yield blobs
        blobs.close()


@pytest.fixture
async def server(dynoxide: Dynoxide, blobs: S3Blobs) -> AsyncIterator[DynamoServer]:
    """A server with the services that go to the limits."""
    client = client_of(dynoxide.url)
    store = DynamoStore(client, new_tables(client), clock=SystemClock(), blobs=blobs)
    server = DynamoServer(store, blobs=blobs, endpoints={"large": holdfast.Endpoint(large.services)})
    await server.start()
    yield server
    await server.stop()


async def outcome(server: DynamoServer, path: str, body: Any) -> Outcome:
    service, *key, handler = path.split("/")
    submission = Submission(
        target=Target(service=service, key=key[0] if key else None, handler=handler),
        headers=(),
        body=json.dumps(body).encode(),
        idempotency_key=None,
        invoke_at_ms=None,
        limit_key=None,
    )
    return (await asyncio.wait_for(server.engine.call(submission), 120)).outcome


async def call(server: DynamoServer, path: str, body: Any) -> Any:
    ended = await outcome(server, path, body)
    assert ended.value is not None, ended
    return json.loads(ended.value)


@pytest.mark.parametrize(
    ("count", "size"),
    [
        pytest.param(80, 90_000, id="7-MB-in-pages"),
        pytest.param(60, 110_000, id="6-MB-in-blobs"),
        pytest.param(2, 1_000_000, id="values-of-1-MB"),
    ],
)
async def test_long_journals(server: DynamoServer, count: int, size: int) -> None:
    """A journal of more than 6 MB, or with values beyond an item, is written, read again and completed."""
    assert await call(server, "Large/steps", {"count": count, "size": size}) == count * size


@pytest.mark.parametrize(
    ("count", "size"),
    [
        pytest.param(1, 500_000, id="one-value-beyond-an-item"),
        pytest.param(600, 800, id="small-values-beyond-an-item"),
        pytest.param(30, 50_000, id="large-values"),
    ],
)
async def test_large_state(server: DynamoServer, count: int, size: int) -> None:
    """A key keeps more state than an item holds, in one value or in many."""
    await call(server, "Store/k/keep", {"count": count, "size": size, "prefix": "n"})
    assert await call(server, "Store/k/kept", None) == count * size


@pytest.mark.parametrize("size", [99_900, 100_100, 399_000, 6_200_000])
async def test_large_input_and_output(server: DynamoServer, size: int) -> None:
    """What is about as large as a page takes, as an item, and as Lambda carries goes in and comes out."""
    text = "x" * size
    assert await call(server, "Large/echo", text) == text


async def test_a_wide_fan_out(server: DynamoServer) -> None:
    """A thousand calls at once end, and each child costs what a child costs."""
    before = server.store.meter.write_units
    assert await call(server, "Large/fan_out", 1000) == sum(range(1000))
    assert server.store.meter.write_units - before <= 8 + 999 * 4


async def test_state_beyond_an_item_of_names_is_refused_for_good(server: DynamoServer) -> None:
    """A handler that names more state than a lock holds fails with the limit, at once; the key goes on as before."""
    await call(server, "Store/k/keep", {"count": 2, "size": 10, "prefix": "n"})
    refused = await outcome(server, "Store/k/keep", {"count": 1_000, "size": 1, "prefix": "n" * 400})
    assert refused.failure is not None
    assert refused.failure.code == 413
    assert "the limit is 300000" in refused.failure.message
    # What it had set before that was committed, as with any failure; what it keeps can be cleared, and more set.
    assert await call(server, "Store/k/kept", None) > 2 * 10
    await call(server, "Store/k/clear", None)
    await call(server, "Store/k/keep", {"count": 3, "size": 10, "prefix": "n"})
    assert await call(server, "Store/k/kept", None) == 3 * 10


async def test_too_many_names_of_state_are_refused(server: DynamoServer) -> None:
    """Names of state that alone outgrow a lock are refused with a sentence, and what was there stays."""
    store = server.store
    assert await store.enter_free(KEY, "inv_a") is not None
    few = StateWrites(clear_all=False, values=(("few", b"1"),))
    assert await store.apply(KEY, ticket=0, invocation_id="inv_a", index=1, writes=few)
    names = tuple((f"{number:05d}" + "n" * 400, b"") for number in range(1_000))
    many = StateWrites(clear_all=False, values=names)
    with pytest.raises(PayloadTooLarge, match="350000"):
        await store.apply(KEY, ticket=0, invocation_id="inv_a", index=2, writes=many)
    assert (await store.keyed(KEY, with_state=True)).state == {"few": b"1"}
