"""The ASGI application: discovery, health and attempts over HTTP, each attempt one request and one response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Literal

from holdfast._endpoint import Endpoint
from holdfast._identity import IdentityVerifier, NotAuthentic
from holdfast._incoming import attempt_request, discovery
from holdfast._service import Definition
from holdfast._version import SDK_VERSION
from holdfast.errors import DefinitionError
from holdfast_protocol.errors import DecodeError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Far above any journal a server should send, and well below what a container has.
_REQUEST_BYTES_MAX = 256 * 1024 * 1024


class _Answer(Exception):
    """The request is answered with this, and nothing else is done for it."""

    def __init__(self, status: int, body: bytes = b"", content_type: str = "text/plain") -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.content_type = content_type


class _Disconnected(Exception):
    """Nobody waits for the answer any more."""


def app(
    services: Iterable[Definition],
    protocol: Literal["request_response"] | None = None,
    identity_keys: Iterable[str] | None = None,
) -> AsgiApp:
    """Return an ASGI application that serves these services to an orchestrator.

    Args:
        services: What to serve.
        protocol: May name the only protocol there is, for symmetry with Restate's SDK.
        identity_keys: Public keys of trusted servers; requests of others are refused.

    Raises:
        DefinitionError: two services share a name, a key is malformed, or another protocol is asked for.

    Example:
        >>> import holdfast
        >>> greeter = holdfast.Service("Greeter")
        >>> @greeter.handler()
        ... async def greet(ctx: holdfast.Context, name: str) -> str:
        ...     return f"Hello {name}"
        >>> app = holdfast.app([greeter])  # uvicorn module:app
    """
    if protocol not in (None, "request_response"):
        raise DefinitionError(f"The protocol {protocol!r} is not supported; leave it out, or use 'request_response'.")
    # An object with __call__: uvicorn takes a bound method for the old, two-step form of ASGI.
    return _Served(Endpoint(services), IdentityVerifier(identity_keys or ()))


class _Served:
    """One endpoint as an ASGI application."""

    def __init__(self, endpoint: Endpoint, identity: IdentityVerifier) -> None:
        self._endpoint = endpoint
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI calls it."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"Holdfast serves http, not {scope['type']}.")
        try:
            answer = await self._answer(scope, receive)
        except _Answer as raised:
            answer = raised
        except _Disconnected:
            return
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        path, method = scope["path"], scope["method"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if path.endswith("/health"):
            _require_method(method, "GET")
            return _Answer(200, b'{"status":"ok"}', "application/json")
        try:
            self._identity.verify(headers, path)
        except NotAuthentic as error:
            return _Answer(401, str(error).encode())
        if path.endswith("/discover"):
            _require_method(method, "GET")
            return _Answer(*discovery(self._endpoint, headers.get("accept", "")))
        target = path.rsplit("/", 3)[1:]
        if len(target) == 3 and target[0] == "invoke":
            _require_method(method, "POST")
            return await self._attempt(target[1], target[2], headers, receive)
        return _Answer(404, b"An endpoint answers /discover, /health and /invoke/{service}/{handler}.")

    async def _attempt(self, service: str, handler: str, headers: dict[str, str], receive: Receive) -> _Answer:
        from holdfast_protocol.versions import invocation_media_type, invocation_version

        if self._endpoint.find(service, handler) is None:
            return _Answer(404, f"{service}/{handler} is not served here.".encode())
        content_type = headers.get("content-type", "")
        version = invocation_version(content_type)
        if version is None:
            return _Answer(415, f"The content type {content_type!r} is no supported version of the protocol.".encode())
        body = await _read(receive)
        try:
            request = attempt_request(service, handler, version, headers, body)
        except DecodeError as error:
            return _Answer(400, f"The request is not an attempt: {error}.".encode())
        frames = await _unless_disconnected(self._endpoint.run(request, None), receive)
        return _Answer(200, b"".join(frames), invocation_media_type(version))


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > _REQUEST_BYTES_MAX:
            raise _Answer(413, f"A request may have {_REQUEST_BYTES_MAX} bytes.".encode())
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _unless_disconnected(attempt: Awaitable[list[bytes]], receive: Receive) -> list[bytes]:
    """Run an attempt, but not on behalf of nobody: a server that hangs up has given the invocation to another."""
    running = asyncio.ensure_future(attempt)
    listening = asyncio.ensure_future(_until_disconnected(receive))
    try:
        await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise _Disconnected
        return running.result()
    finally:
        for task in (running, listening):
            task.cancel()
        await asyncio.gather(running, listening, return_exceptions=True)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _require_method(method: str, wanted: str) -> None:
    if method != wanted:
        raise _Answer(405, f"Use {wanted}.".encode())


async def _send(send: Send, answer: _Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-restate-server", SDK_VERSION.encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
