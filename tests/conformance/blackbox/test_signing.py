"""Signed requests: endpoints that trust the orchestrator's key answer it, and refuse everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from holdfast_protocol.envelope import request_envelope
from tests.conformance.blackbox.arena import REMOTE_SDKS, Arena
from tests.conformance.blackbox.launch import Endpoint
from tests.conformance.blackbox.programs import call, crash, put, run, sleep
from tests.conformance.blackbox.server import Server, new

# Somebody else's key, as SDKs take it.
_STRANGER = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f"

# Requests inside of one process need no signature.
pytestmark = pytest.mark.sdks(*REMOTE_SDKS)


@pytest_asyncio.fixture
async def trusting(arena: Arena) -> AsyncIterator[Endpoint]:
    """An endpoint that answers the orchestrator only; it has the services while the case is played."""
    endpoint = arena.add_endpoint(identity_key=arena.public_key)
    await arena.register(endpoint)
    yield endpoint
    await arena.register(arena.endpoint, force=True)
    endpoint.kill()


async def test_signed_requests_are_answered(server: Server, trusting: Endpoint) -> None:
    """Every kind of request is signed: discovery, first attempts, replays, those after a failure."""
    program = [run("a", 1), sleep(10), crash(new("crash"), 1), call("Player", "play", [run("b", 2)])]
    assert await server.play(*program) == [1, None, None, [2]]
    assert await server.call(f"/Actor/{new('a/b').replace('/', '%2F')}/play", [put("a", 1)]) == [None]


async def test_unsigned_requests_are_refused(server: Server, trusting: Endpoint) -> None:
    """Whoever else comes along gets nothing from such an endpoint."""
    assert await server.play(run("a", 1)) == [1]
    headers = {"accept": "application/vnd.restate.endpointmanifest.v4+json"}
    is_1 = trusting.use_http_11 or trusting.is_function
    async with httpx.AsyncClient(base_url=trusting.uri, http1=is_1, http2=not is_1, verify=False) as stranger:
        for method, path in (("GET", "/discover"), ("POST", "/invoke/Player/play")):
            if trusting.is_function:
                event = request_envelope(path=path, headers=headers, method=method)
                assert (await stranger.post("/", json=event)).json()["statusCode"] == 401
            else:
                assert (await stranger.request(method, path, headers=headers)).status_code == 401


async def test_a_key_is_changed_while_endpoints_run(server: Server, arena: Arena) -> None:
    """An endpoint that trusts an old key and a new one answers whoever signs with either."""
    for keys in (f"{_STRANGER},{arena.public_key}", f"{arena.public_key},{_STRANGER}"):
        endpoint = arena.add_endpoint(identity_key=keys)
        await arena.register(endpoint)
        assert await server.play(run("a", 1)) == [1]
        await arena.register(arena.endpoint, force=True)
        endpoint.kill()


async def test_an_endpoint_that_trusts_another_is_not_registered(server: Server) -> None:
    """An endpoint that refuses the orchestrator cannot be registered with it."""
    endpoint = server.arena.add_endpoint(identity_key=_STRANGER)
    answer = await server.admin.post("/deployments", json=endpoint.place)
    assert not answer.is_success
    assert answer.json()["message"]
    endpoint.kill()
