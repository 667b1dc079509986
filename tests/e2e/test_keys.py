"""One writer per key, in order of arrival; one execution per idempotency key, with the same bytes for everybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.processes import DevServer
from tests.support.load import LoadClient
from tests.support.site import Site

INCREMENTS = 500
DUPLICATES = 50


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with the counters."""
    folder = tmp_path_factory.mktemp("keys")
    environment = {"HOLDFAST_TEST_LOG": str(folder / "steps.log")}
    modules = ["tests.support.services.counter", "tests.support.services.odd"]
    server = DevServer(modules, folder=folder, env=environment)
    server.start()
    yield server
    server.stop()


async def test_concurrent_increments_lose_nothing(server: DevServer) -> None:
    """500 increments of one object at once are answered 1 to 500, each once."""
    async with LoadClient(server.ingress_url) as client:
        answers = await asyncio.gather(*(client.post("/Counter/hot/add", b"1") for _ in range(INCREMENTS)))
        assert {answer.status for answer in answers} == {200}
        assert sorted(int(answer.body) for answer in answers) == list(range(1, INCREMENTS + 1))
        assert (await client.get("/Counter/hot/get")).body == str(INCREMENTS).encode()


async def test_a_key_serves_in_order_of_arrival(server: DevServer) -> None:
    """Who was accepted before another one sent its request is served before it, 500 times over 20 connections."""
    sent_at: dict[str, float] = {}
    accepted_at: dict[str, float] = {}

    async def sender(client: LoadClient, names: list[str]) -> None:
        for name in names:
            sent_at[name] = time.monotonic()
            answer = await client.post("/Arrivals/queue/arrive/send", f'"{name}"'.encode())
            accepted_at[name] = time.monotonic()
            assert answer.status == 202, answer

    names = [f"n{number}" for number in range(INCREMENTS)]
    async with LoadClient(server.ingress_url) as client:
        await asyncio.gather(*(sender(client, names[lane::20]) for lane in range(20)))
    with Site(server.ingress_url, server.admin_url) as site:
        # An exclusive call queues behind everything that was accepted before it.
        assert site.call("/Arrivals/queue/arrive", "last") == INCREMENTS + 1
        served = site.call("/Arrivals/queue/arrived")
    assert sorted(served[:-1]) == sorted(names)
    latest_sent = 0.0
    for name in served[:-1]:
        assert accepted_at[name] >= latest_sent, f"{name} was served after one that was sent when it was accepted"
        latest_sent = max(latest_sent, sent_at[name])


async def test_duplicates_share_one_execution(server: DevServer, tmp_path: Path) -> None:
    """50 requests at once with one idempotency key execute once and get identical answers, and so does a late one."""
    body = b'"duplicate"'
    async with LoadClient(server.ingress_url) as client:
        answers = await asyncio.gather(
            *(client.post("/Odd/once", body, idempotency_key="the-one") for _ in range(DUPLICATES))
        )
        late = await client.post("/Odd/once", body, idempotency_key="the-one")
    assert {(answer.status, answer.body) for answer in answers} == {(200, late.body)}
    assert {answer.headers["x-restate-id"] for answer in answers} == {late.headers["x-restate-id"]}
    log = (server.log_path.parent / "steps.log").read_text()
    assert log.splitlines() == ["duplicate 0 begin"]
