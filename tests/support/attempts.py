"""Requests, deployments and raw servers that the tests of invokers are made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from holdfast_engine.registry import Deployment, Endpoint
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.manifest import HandlerManifest, Manifest, ServiceManifest
from holdfast_protocol.messages import encode

RAW_ID = bytes(range(24))
NOW_MS = 1_700_000_000_000

OUTPUT = encode(pb.OutputCommand(value=pb.Value(content=b'"hi"')))
END = encode(pb.End())


class FixedClock:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return NOW_MS


def manifest() -> Manifest:
    """Return a manifest with one service."""
    greet = HandlerManifest(name="greet", kind=None)
    service = ServiceManifest(name="Greeter", kind="service", handlers=(greet,))
    return Manifest(
        protocol_mode="request_response", min_protocol_version=5, max_protocol_version=7, services=(service,)
    )


def deployment(endpoint: Endpoint) -> Deployment:
    """Return a deployment at an endpoint."""
    return Deployment(id="dp_1", endpoint=endpoint, manifest=manifest(), revisions=(("Greeter", 1),), created_ms=NOW_MS)


def http_deployment(uri: str, *, use_http_11: bool = True, headers: tuple[tuple[str, str], ...] = ()) -> Deployment:
    """Return a deployment at a URL."""
    endpoint = Endpoint(transport="http", address=uri, use_http_11=use_http_11, additional_headers=headers)
    return deployment(endpoint)


def attempt(
    *,
    service: str = "Greeter",
    handler: str = "greet",
    key: str = "",
    version: int = 7,
    headers: dict[str, str] | None = None,
    payload: bytes = b"1",
    entries: tuple[bytes, ...] = (),
) -> AttemptRequest:
    """Return the request of an attempt whose journal holds the input and `entries`."""
    journal = [encode(pb.InputCommand(value=pb.Value(content=payload))), *entries]
    start = pb.Start(id=RAW_ID, debug_id="inv_x", known_entries=len(journal), partial_state=True, key=key)
    return AttemptRequest(
        service=service, handler=handler, protocol_version=version, headers=headers or {}, start=start, entries=journal
    )


Respond = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(respond: Respond) -> AsyncIterator[str]:
    """Serve one HTTP/1.1 request per connection with whatever `respond` writes; yields the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    head += await reader.readexactly(int(value))
            await respond(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


def ok_head(*, version: int = 7, length: int | None = None) -> bytes:
    """Return the head of a good response; without a length the body lasts until the connection closes."""
    lines = [b"HTTP/1.1 200 OK", b"content-type: application/vnd.restate.invocation.v%d" % version]
    if length is not None:
        lines.append(b"content-length: %d" % length)
    return b"\r\n".join([*lines, b"connection: close", b"", b""])
