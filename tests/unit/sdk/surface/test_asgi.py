"""The ASGI application: routes, negotiation and refusals; what attempts do is tested where they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

import holdfast
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from holdfast_protocol.messages import encode
from holdfast_protocol.schema_pb2 import End, InputCommand, Start
from tests.unit.sdk.surface.test_identity import KEY

V7 = "application/vnd.restate.invocation.v7"
JOURNAL = encode(Start(id=b"i" * 24, debug_id="inv_1", known_entries=1)) + encode(InputCommand())


def _greeter() -> holdfast.Service:
    greeter = holdfast.Service("Greeter")

    @greeter.handler()
    async def greet(ctx: Any, name: str) -> str:
        return name

    return greeter


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that serves one greeter."""
    transport = httpx.ASGITransport(app=holdfast.app([_greeter()]))
    async with httpx.AsyncClient(transport=transport, base_url="http://endpoint/mounted") as client:
        yield client


async def test_health(client: httpx.AsyncClient) -> None:
    """Health says ok and names the SDK."""
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["x-restate-server"] == f"restate-sdk-holdfast/{holdfast.__version__}"


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("application/vnd.restate.endpointmanifest.v1+json", 1),
        ("application/vnd.restate.endpointmanifest.v1+json, application/vnd.restate.endpointmanifest.v3+json", 3),
        (", ".join(f"application/vnd.restate.endpointmanifest.v{each}+json" for each in range(1, 5)), 4),
        ("*/*", 4),
    ],
)
async def test_discovery_answers_the_highest_version(client: httpx.AsyncClient, accept: str, version: int) -> None:
    """The manifest comes in the highest version that was asked for, under exactly its media type."""
    answer = await client.get("/discover", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"application/vnd.restate.endpointmanifest.v{version}+json"
    manifest = answer.json()
    assert (manifest["protocolMode"], manifest["minProtocolVersion"], manifest["maxProtocolVersion"]) == (
        "REQUEST_RESPONSE",
        5,
        7,
    )
    assert [service["name"] for service in manifest["services"]] == ["Greeter"]


async def test_discovery_refuses_what_it_does_not_speak(client: httpx.AsyncClient) -> None:
    """A server that offers no known version is answered 415."""
    answer = await client.get("/discover", headers={"accept": "application/vnd.restate.endpointmanifest.v99+json"})
    assert answer.status_code == 415


async def test_an_option_the_version_cannot_carry_is_said() -> None:
    """An option that is newer than the negotiated manifest fails discovery by name instead of being dropped."""
    service = holdfast.Service("S", invocation_retry_policy=holdfast.InvocationRetryPolicy(max_attempts=2))
    service.handler("work")(_greeter().handlers["greet"].fn)
    transport = httpx.ASGITransport(app=holdfast.app([service]))
    async with httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client:
        answer = await client.get("/discover", headers={"accept": "application/vnd.restate.endpointmanifest.v3+json"})
    assert answer.status_code == 500
    assert "retryPolicyMaxAttempts needs version 4" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/nowhere", {}, b"", 404),
        ("POST", "/invoke/Greeter", {}, b"", 404),
        ("POST", "/invoke/Greeter/nobody", {"content-type": V7}, JOURNAL, 404),
        ("POST", "/invoke/Nobody/greet", {"content-type": V7}, JOURNAL, 404),
        ("POST", "/health", {}, b"", 405),
        ("POST", "/discover", {}, b"", 405),
        ("GET", "/invoke/Greeter/greet", {"content-type": V7}, b"", 405),
        ("POST", "/invoke/Greeter/greet", {}, JOURNAL, 415),
        ("POST", "/invoke/Greeter/greet", {"content-type": "application/json"}, JOURNAL, 415),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7.replace("v7", "v4")}, JOURNAL, 415),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7.replace("v7", "v99")}, JOURNAL, 415),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7}, b"", 400),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7}, b"garbage", 400),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7}, JOURNAL[:-1], 400),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7}, encode(InputCommand()), 400),
        ("POST", "/invoke/Greeter/greet", {"content-type": V7}, encode(Start(known_entries=0)), 400),
        (
            "POST",
            "/invoke/Greeter/greet",
            {"content-type": V7},
            encode(Start(known_entries=2)) + encode(InputCommand()),
            400,
        ),
    ],
)
async def test_refusals(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """A request that is no attempt of a handler here is refused with the status that says why."""
    answer = await client.request(method, path, headers=headers, content=body)
    assert answer.status_code == status


async def test_signatures_are_demanded_when_keys_are_given() -> None:
    """With keys, unsigned discovery and attempts get 401; health stays open."""
    transport = httpx.ASGITransport(app=holdfast.app([_greeter()], identity_keys=[KEY]))
    async with httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client:
        statuses = [
            (await client.get("/health")).status_code,
            (await client.get("/discover")).status_code,
            (await client.post("/invoke/Greeter/greet", headers={"content-type": V7}, content=JOURNAL)).status_code,
        ]
    assert statuses == [200, 401, 401]


def test_another_protocol_is_refused() -> None:
    """Streaming is not spoken, so asking for it fails where the application is made."""
    with pytest.raises(holdfast.DefinitionError, match="'bidi' is not supported"):
        holdfast.app([_greeter()], protocol="bidi")  # type: ignore[arg-type]  # the point of it


async def test_an_attempt_gets_what_the_request_says(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Target, version, headers, start and entries reach the attempt; its frames are the body of the answer."""
    seen: list[AttemptRequest] = []

    async def run(self: Any, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        assert checkpoint is None
        seen.append(request)
        return [b"one", encode(End())]

    monkeypatch.setattr(holdfast.Endpoint, "run", run)
    answer = await client.post("/invoke/Greeter/greet", headers={"content-type": V7, "X-Trace": "t"}, content=JOURNAL)
    (request,) = seen
    assert (answer.status_code, answer.headers["content-type"]) == (200, V7)
    assert answer.content == b"one" + encode(End())
    assert (request.service, request.handler, request.protocol_version) == ("Greeter", "greet", 7)
    assert request.start.debug_id == "inv_1"
    assert list(request.entries) == [encode(InputCommand())]
    assert request.headers["x-trace"] == "t"


async def test_an_attempt_nobody_waits_for_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server hangs up, the attempt is cancelled: another one may be running already."""
    started, stopped = asyncio.Event(), asyncio.Event()

    async def run(self: Any, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return []

    monkeypatch.setattr(holdfast.Endpoint, "run", run)
    messages = [
        {"type": "http.request", "body": JOURNAL[:5], "more_body": True},
        {"type": "http.request", "body": JOURNAL[5:]},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        await started.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/invoke/Greeter/greet",
        "headers": [(b"content-type", V7.encode())],
    }
    await holdfast.app([_greeter()])(scope, receive, send)
    assert stopped.is_set()
    assert sent == []


async def test_lifespan_is_acknowledged() -> None:
    """Start-up and shutdown of the ASGI server are answered, so that no server complains."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await holdfast.app([])({"type": "lifespan"}, receive, send)
    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    with pytest.raises(NotImplementedError, match="not websocket"):
        await holdfast.app([])({"type": "websocket"}, receive, send)
