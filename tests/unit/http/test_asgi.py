"""The ASGI binding: bodies read within a bound, and clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from holdfast_http import asgi
from holdfast_http.asgi import AsgiBinding, Message
from holdfast_http.messages import Request, Response


class Recorder:
    """An application that keeps what it is asked, and answers with the body; or never."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.was_cancelled = asyncio.Event()

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        try:
            await self.answering.wait()
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return Response(status=200, headers=(("content-type", "x/y"),), body=request.body)

    def refuse(self, request: Request, *, status: int, message: str) -> Response:
        return Response(status=status, body=f"{request.path}: {message}".encode())


@pytest.fixture
def app() -> Recorder:
    """The application behind the binding."""
    return Recorder()


@pytest.fixture
async def client(app: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the binding, without a socket in between."""
    transport = httpx.ASGITransport(AsgiBinding(app, body_bytes_max=1000))
    async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
        yield client


async def test_a_request_reaches_the_application(app: Recorder, client: httpx.AsyncClient) -> None:
    """Method, encoded path, query, headers and bytes arrive as they were sent, and so does the answer."""
    body = bytes(range(256))
    answer = await client.put("/a%2Fb/c?delay=1%20s", content=body, headers={"x-name": "v"})
    request = app.requests[0]
    assert (request.method, request.path, request.query, request.body) == ("PUT", "/a%2Fb/c", "delay=1%20s", body)
    assert request.header("x-name") == "v"
    assert request.header("x-other") is None
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, body, "x/y")
    assert answer.headers["content-length"] == "256"


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
async def test_bodies_within_the_limit(app: Recorder, client: httpx.AsyncClient, size: int) -> None:
    """A body up to the limit is taken, whether its length is declared or not."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x"

    for content in (b"x" * size, parts()):
        assert (await client.post("/a/b", content=content)).content == b"x" * size


async def test_a_declared_body_beyond_the_limit(app: Recorder, client: httpx.AsyncClient) -> None:
    """One byte more is refused with the limit and the number, and the application never sees it."""
    answer = await client.post("/a/b", content=b"x" * 1001)
    assert (answer.status_code, app.requests) == (413, [])
    assert "1001 bytes" in answer.text
    assert "limit is 1000 bytes" in answer.text
    assert answer.headers["connection"] == "close"


class Connection:
    """The server's side of one request, written down by a test."""

    def __init__(self, *messages: Message, headers: dict[str, str] | None = None, then: str = "silence") -> None:
        self.messages = list(messages)
        self.then = then
        self.received = 0
        self.sent: list[Message] = []
        self.has_left = asyncio.Event()
        named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "raw_path": b"/a/b",
            "query_string": b"",
            "headers": named,
        }

    async def receive(self) -> Message:
        if self.messages:
            self.received += 1
            return self.messages.pop(0)
        if self.then == "more":
            self.received += 1
            return {"type": "http.request", "body": b"x" * 500, "more_body": True}
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def serve(self, app: Recorder) -> None:
        await AsgiBinding(app, body_bytes_max=1000)(self.scope, self.receive, self.send)


def part(body: bytes, *, more: bool = True) -> Message:
    """Return a piece of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def test_an_endless_body(app: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body without end is read up to a bound and refused."""
    monkeypatch.setattr(asgi, "_DRAINED_BYTES_MAX", 10_000)
    connection = Connection(then="more")
    await connection.serve(app)
    assert connection.sent[0]["status"] == 413
    assert b"larger" in connection.sent[1]["body"]
    assert 20 <= connection.received <= 30


async def test_a_client_that_asks_first(app: Recorder) -> None:
    """A client that asks before it sends too much is refused without anything being read."""
    connection = Connection(then="more", headers={"content-length": "5000", "expect": "100-continue"})
    await connection.serve(app)
    assert (connection.sent[0]["status"], connection.received) == (413, 0)


async def test_a_body_too_long_even_to_be_thrown_away(app: Recorder) -> None:
    """A declared length beyond what is read and thrown away is refused at once."""
    connection = Connection(then="more", headers={"content-length": "1" + "0" * 12})
    await connection.serve(app)
    assert (connection.sent[0]["status"], connection.received) == (413, 0)


async def test_a_client_that_stalls(app: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that announces too much and then stalls gets its refusal after a while."""
    monkeypatch.setattr(asgi, "_DRAINED_SECONDS_MAX", 0.05)
    connection = Connection(part(b"x"), headers={"content-length": "5000"})
    await connection.serve(app)
    assert connection.sent[0]["status"] == 413


async def test_a_client_that_leaves_while_sending(app: Recorder) -> None:
    """A body that breaks off makes no request."""
    connection = Connection(part(b"x"))
    connection.has_left.set()
    await connection.serve(app)
    assert (connection.sent, app.requests) == ([], [])


async def test_a_client_that_leaves_while_waiting(app: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the client leaves, waiting for the answer ends and nothing is sent."""
    monkeypatch.setattr(asgi, "_WATCH_AFTER_SECONDS", 0.01)
    app.answering.clear()
    connection = Connection(part(b"x", more=False))
    serving = asyncio.create_task(connection.serve(app))
    await asyncio.sleep(0.05)
    assert not serving.done()
    connection.has_left.set()
    await asyncio.wait_for(serving, 5)
    assert app.was_cancelled.is_set()
    assert connection.sent == []


async def test_a_slow_answer(app: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that stays gets its answer, however late, and the watch for its leaving ends with it."""
    monkeypatch.setattr(asgi, "_WATCH_AFTER_SECONDS", 0.01)
    app.answering.clear()
    connection = Connection(part(b"x", more=False))
    serving = asyncio.create_task(connection.serve(app))
    await asyncio.sleep(0.05)
    app.answering.set()
    await asyncio.wait_for(serving, 5)
    assert connection.sent[1]["body"] == b"x"
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_server_cancels(app: Recorder) -> None:
    """A request that the server itself cancels ends as cancelled."""
    app.answering.clear()
    connection = Connection(part(b"x", more=False))
    serving = asyncio.create_task(connection.serve(app))
    await asyncio.sleep(0.01)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
