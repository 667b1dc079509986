"""Protocol versions, as handlers see them; traces; and the ways to an endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.blackbox.arena import REMOTE_SDKS, Arena
from tests.conformance.blackbox.programs import (
    about,
    all_of,
    attempt,
    awakeable,
    call,
    crash,
    fail,
    first_of,
    get,
    put,
    run,
    sleep,
)
from tests.conformance.blackbox.server import Server, new

# The server's own process speaks the newest version with itself.
pytestmark = pytest.mark.sdks(*REMOTE_SDKS)

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest_asyncio.fixture(params=[5, 6, 7])
async def version(request: pytest.FixtureRequest, arena: Arena, server: Server) -> AsyncIterator[int]:
    """A protocol version, which is the newest that is spoken with the endpoint while the case is played.

    A stock server takes the metadata for a remark and speaks the version that it likes.
    """
    endpoint = arena.add_endpoint()
    body = {
        **endpoint.place,
        "metadata": {"holdfast.protocol-version-max": str(request.param)},
    }
    answer = await server.admin.post("/deployments", json=body)
    assert answer.is_success, answer.text
    yield request.param
    await arena.register(arena.endpoint, force=True)
    endpoint.kill()


async def test_every_version_is_spoken(server: Server, version: int) -> None:
    """An endpoint is spoken to in the version that its deployment is capped at."""
    [seen] = await server.play(about())
    if not server.is_restate:
        assert seen["attempt_headers"]["content-type"] == f"application/vnd.restate.invocation.v{version}"


async def test_every_version_does_the_same(server: Server, version: int) -> None:
    """Steps, retries, sleeps, calls, failures and combinators come to the same in every version."""
    program = [
        run("a", 1),
        run("b", 2, fails=1, interval_ms=10),
        crash(new("crash"), 1),
        sleep(10),
        call("Player", "play", [run("c", 3)]),
        all_of(run("d", 4), call("Player", "play", [fail("no", 418)]), sleep(1)),
        first_of(sleep(60_000), call("Player", "play", [run("e", 5)])),
        attempt(call("Player", "play", [fail("bad", 409)])),
    ]
    assert await server.play(*program) == [
        1,
        2,
        None,
        None,
        [3],
        [["ok", 4], ["failed", 418, "no"], ["ok", None]],
        [1, [5]],
        {"failed": [409, "bad"]},
    ]


async def test_every_version_keeps_state(server: Server, version: int) -> None:
    """State that was written is read by the next invocation in every version."""
    key = new("k")
    assert await server.act(key, put("a", {"b": [1]}), get("a")) == [None, {"b": [1]}]
    assert await server.act(key, get("a")) == [{"b": [1]}]


async def test_every_version_waits_for_the_world(server: Server, version: int) -> None:
    """An awakeable wakes its handler in every version."""
    name = new("wait")
    invocation = await server.start(first_of(awakeable(name), sleep(60_000)))
    await server.resolve(await server.awakeable(name), "there")
    assert await server.result(invocation) == [[0, "there"]]


async def test_a_version_that_there_is_not(server: Server, arena: Arena) -> None:
    """A deployment whose metadata ask for an impossible version is not registered."""
    if server.is_restate:
        return
    body = {
        **arena.endpoint.place,
        "force": True,
        "metadata": {"holdfast.protocol-version-max": "4"},
    }
    answer = await server.admin.post("/deployments", json=body)
    assert (answer.status_code, "holdfast.protocol-version-max" in answer.json()["message"]) == (400, True)


async def test_a_trace_reaches_the_handler(server: Server) -> None:
    """Every attempt belongs to the trace of the request that caused it, and so do those of the handlers it calls."""
    headers = {"traceparent": _TRACE}
    [outer, [inner]] = await server.call("/Player/play", [about(), call("Player", "play", [about()])], headers=headers)
    for seen in (outer, inner):
        trace = seen["attempt_headers"].get("traceparent")
        if trace is None and server.is_restate:
            # Without an exporter of traces a stock server hands on some and others not.
            continue
        assert trace.split("-")[1] == _TRACE.split("-")[1]
