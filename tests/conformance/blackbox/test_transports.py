"""The ways to an endpoint: with TLS and an authority of one's own, and over either version of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.blackbox.arena import HTTP_SDKS, Arena
from tests.conformance.blackbox.launch import Endpoint
from tests.conformance.blackbox.programs import awakeable, call, crash, first_of, get, put, run, sleep
from tests.conformance.blackbox.server import Server, new

# Functions are reached in one way only, and handlers in the server's process in none.
pytestmark = pytest.mark.sdks(*HTTP_SDKS)


@pytest_asyncio.fixture(params=["http/1.1", "https", "https over http/1.1"])
async def endpoint(request: pytest.FixtureRequest, arena: Arena) -> AsyncIterator[Endpoint]:
    """An endpoint that is reached in one of the ways; it has the services while the case is played."""
    way: str = request.param
    endpoint = arena.add_endpoint(is_https=way.startswith("https"), use_http_11=way.endswith("1.1"))
    await arena.register(endpoint)
    yield endpoint
    await arena.register(arena.endpoint, force=True)
    endpoint.kill()


async def test_everything_comes_through(server: Server, endpoint: Endpoint) -> None:
    """Steps, retries, sleeps, calls and state are the same however an endpoint is reached."""
    key, text = new("key"), "é" * 100_000
    program = [
        run("a", text),
        run("b", 2, fails=1, interval_ms=10),
        crash(new("crash"), 1),
        sleep(10),
        call("Actor", "play", [put("a", 1), get("a")], key=key),
    ]
    assert await server.play(*program) == [text, 2, None, None, [None, 1]]


async def test_who_waits_is_woken(server: Server, endpoint: Endpoint) -> None:
    """A handler that waits for the world goes on when it comes."""
    name = new("wait")
    invocation = await server.start(first_of(awakeable(name), sleep(60_000)))
    await server.resolve(await server.awakeable(name), "there")
    assert await server.result(invocation) == [[0, "there"]]
