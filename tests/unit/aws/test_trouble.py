"""A whole engine on a store in trouble: nothing is lost and nothing is doubled, it only takes longer."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

import holdfast
from holdfast_aws.models import TableNames
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Submission
from holdfast_engine.records import Target
from holdfast_engine.world import Settings
from holdfast_local.surroundings import SystemClock
from tests.support import troubled
from tests.support.dynamo_server import DynamoServer
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.dynoxide import Dynoxide
from tests.support.faults import Fault, FaultyClient

INVOCATIONS = 10
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]

# Take-overs of invocations whose server is gone come after a lease; so does every test that waits for one.
SETTINGS = Settings(lease_ms=1_500, is_alone=False)


def submission(path: str, body: Any, *, idempotency_key: str | None = None) -> Submission:
    service, *key, handler = path.split("/")
    return Submission(
        target=Target(service=service, key=key[0] if key else None, handler=handler),
        headers=(),
        body=json.dumps(body).encode(),
        idempotency_key=idempotency_key,
        invoke_at_ms=None,
        limit_key=None,
    )


class Site:
    """Tables, blobs, and the servers over them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.tables: TableNames = new_tables(client)
        self.blobs = MemoryBlobs()

    def server(self, plan: Iterator[Fault] | None = None) -> DynamoServer:
        """Return a server whose requests to the store meet with faults."""
        client = self.client if plan is None else FaultyClient(self.client, plan)
        store = DynamoStore(client, self.tables, clock=SystemClock(), blobs=self.blobs)
        endpoints = {"troubled": holdfast.Endpoint(troubled.services)}
        return DynamoServer(store, blobs=self.blobs, endpoints=endpoints, settings=SETTINGS)


@pytest.fixture
def site(dynoxide: Dynoxide) -> Site:
    """Tables of its own for each test, and nothing counted."""
    troubled.done.clear()
    return Site(client_of(dynoxide.url))


async def value(server: DynamoServer, path: str, body: Any = None, *, key: str | None = None) -> Any:
    finished = await asyncio.wait_for(server.engine.call(submission(path, body, idempotency_key=key)), 60)
    assert finished.outcome.value is not None, finished.outcome
    return json.loads(finished.outcome.value) if finished.outcome.value else None


def expected(name: str) -> list[str]:
    steps = [f"{name}/{number}" for number in range(4)]
    return [*steps, f"{name}/child-0/leaf", f"{name}/child-1/leaf"]


async def check_effects(server: DynamoServer, names: list[str]) -> None:
    """See that every message and every call to a key has taken hold exactly once."""
    assert await value(server, "Tally/hot/count") == len(names)
    for name in names:
        for _ in range(100):
            count = await value(server, f"Tally/{name}/count")
            if count:
                break
            await asyncio.sleep(0.1)
        assert count == 5


def plan(seed: int, share: float) -> Iterator[Fault]:
    dice = random.Random(seed)
    while True:
        yield dice.choice(FAULTS) if dice.random() < share else Fault.NONE


@pytest.mark.parametrize(("seed", "share"), [(1, 0.05), (2, 0.2)])
async def test_faults_lose_nothing_and_double_nothing(site: Site, seed: int, share: float) -> None:
    """With every twentieth or every fifth request lost or refused, all outcomes, states and step counts are right."""
    server = site.server(plan(seed, share))
    await server.start()
    names = [f"i{number}" for number in range(INVOCATIONS)]
    results = await asyncio.gather(*[value(server, "Flow/tree", name) for name in names])
    assert results == [expected(name) for name in names]
    await check_effects(server, names)
    # No process has died, so no step had a reason to run twice.
    assert set(troubled.done.values()) == {1}
    await server.stop()


async def test_an_outage_passes(site: Site) -> None:
    """When no request gets through for a while, work stands still and goes on afterwards."""
    outage = {"is_on": False}

    def out() -> Iterator[Fault]:
        while True:
            yield Fault.UNSENT if outage["is_on"] else Fault.NONE

    server = site.server(out())
    await server.start()
    names = [f"i{number}" for number in range(INVOCATIONS)]
    for name in names:
        await server.engine.send(submission("Flow/tree", name, idempotency_key=name))
    outage["is_on"] = True
    await asyncio.sleep(4)
    outage["is_on"] = False
    results = await asyncio.gather(*[value(server, "Flow/tree", name, key=name) for name in names])
    assert results == [expected(name) for name in names]
    await check_effects(server, names)
    await server.stop()


@pytest.mark.parametrize("seed", [3, 4])
async def test_recover_needs_nothing_but_the_tables(site: Site, seed: int) -> None:
    """A server dies with all its wake-ups; the next one makes them anew from the tables and ends the work."""
    first = site.server(plan(seed, 0.05))
    await first.start()
    names = [f"i{number}" for number in range(INVOCATIONS)]
    for name in names:
        await first.engine.send(submission("Flow/tree", name, idempotency_key=name))
    await asyncio.sleep(random.Random(seed).random() * 0.5)
    await first.stop(within_s=0)
    second = site.server()
    await second.start(recovering=True)
    results = await asyncio.gather(*[value(second, "Flow/tree", name, key=name) for name in names])
    assert results == [expected(name) for name in names]
    await check_effects(second, names)
    # A step that ended while its server died may run once more; no other does.
    assert sum(troubled.done.values()) <= len(names) * 6 + len(names) * 2
    await second.stop()


async def test_a_workflow_waits_through_trouble(site: Site) -> None:
    """A workflow's promise is kept once, whatever befalls the requests about it."""
    server = site.server(plan(5, 0.2))
    await server.start()
    ran = asyncio.create_task(value(server, "Run/one/main", "x"))
    await asyncio.sleep(0.3)
    await value(server, "Run/one/say", "yes")
    assert await ran == "x: yes"
    await server.stop()
