"""What a look at one invocation, and a query for a page of them, read of DynamoDB: it says itself what it consumed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

import holdfast
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Submission
from holdfast_engine.records import Target
from holdfast_http.admin.app import Admin
from holdfast_http.messages import Request
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_server import DynamoServer
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.dynoxide import Dynoxide

JSON = "application/json"
# By an id, and for a page of a hundred of one service.
ONE_MAX, PAGE_MAX = 5, 60

seen = holdfast.Service("Seen")


@seen.handler()
async def parent(ctx: holdfast.Context, text: str) -> str:
    """Take three steps, and call once."""
    for _ in range(3):
        await ctx.run_typed("step", lambda: "x" * 400)
    return await ctx.service_call(child, text)


@seen.handler()
async def child(ctx: holdfast.Context, text: str) -> str:
    """Answer at once."""
    return text


class Looked:
    """An admin API over DynamoDB, and what its answers have read."""

    def __init__(self, server: DynamoServer, store: DynamoStore) -> None:
        self._meter = store.meter
        self.engine = server.engine
        server.engine.world.listing = store.listing
        self.admin = Admin(server.engine, product_version="1", ingress_url="http://ingress")

    async def ask(self, path: str, query: str | None = None) -> tuple[Any, float]:
        before = self._meter.read_units + self._meter.listing_read_units
        path, _, search = path.partition("?")
        body = b"" if query is None else json.dumps({"query": query}).encode()
        headers = (("content-type", JSON), ("accept", JSON))
        method = "GET" if query is None else "POST"
        answer = await self.admin.handle(Request(method=method, path=path, query=search, headers=headers, body=body))
        assert answer.status == 200, answer.body
        return json.loads(answer.body), self._meter.read_units + self._meter.listing_read_units - before


@pytest.fixture
async def looked(dynoxide: Dynoxide) -> AsyncIterator[tuple[Looked, str]]:
    """A hundred and twenty invocations, and the id of the first, which has steps and a child."""
    client, blobs = client_of(dynoxide.url), MemoryBlobs()
    store = DynamoStore(client, new_tables(client), clock=SystemClock(), blobs=blobs)
    server = DynamoServer(store, blobs=blobs, endpoints={"seen": holdfast.Endpoint([seen])})
    await server.start()
    try:
        looked = Looked(server, store)
        finished = await looked.engine.call(_submission("parent"))
        for _ in range(118):
            await looked.engine.call(_submission("child"))
        yield looked, finished.invocation_id
        await looked.admin.close()
    finally:
        await server.stop()


async def test_one_invocation_takes_a_handful(looked: tuple[Looked, str]) -> None:
    """Whoever asks for one by its id, by any of the ways there are, reads at most five units."""
    admin, invocation_id = looked
    for path, query in (
        (f"/invocations/{invocation_id}", None),
        (f"/invocations?ids={invocation_id}", None),
        ("/query", f"SELECT * FROM sys_invocation WHERE id = '{invocation_id}'"),
        ("/query", f"SELECT * FROM sys_journal WHERE id = '{invocation_id}'"),
    ):
        answer, units = await admin.ask(path, query)
        print(f"{query or path}: {units} units")
        assert invocation_id in str(answer)
        assert units <= ONE_MAX, query or path


async def test_a_page_takes_its_heads_and_little_else(looked: tuple[Looked, str]) -> None:
    """A page of a hundred of one service reads at most sixty units, by the list and by SQL, with what has ended."""
    admin, _ = looked
    of_seen = "SELECT id, target, status, created_at FROM sys_invocation WHERE target_service_name = 'Seen'"
    for path, query in (
        ("/invocations?service=Seen&limit=100", None),
        ("/invocations?service=Seen&status=completed&limit=100", None),
        ("/query", f"{of_seen} LIMIT 100"),
        ("/query", f"{of_seen} AND status = 'completed' ORDER BY created_at DESC LIMIT 100"),
    ):
        answer, units = await admin.ask(path, query)
        print(f"{query or path}: {units} units")
        assert len(answer["rows" if query else "invocations"]) == 100
        assert units <= PAGE_MAX, query or path


def _submission(handler: str) -> Submission:
    return Submission(
        target=Target(service="Seen", key=None, handler=handler),
        headers=(),
        body=b'"x"',
        idempotency_key=None,
        invoke_at_ms=None,
        limit_key=None,
    )
