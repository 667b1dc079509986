"""Connections to HTTP endpoints: opened when needed, shared by all attempts, closed with the server."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from holdfast_local.http_address import Address, Mode

CONNECT_TIMEOUT_S = 10.0

# How long a request may wait for one of CONNECTIONS_MAX busy connections before it is told so.
POOL_TIMEOUT_S = 30.0

# Over HTTP/1.1 each attempt under way has a connection of its own; a quarter of the usual 1,024 file descriptors.
CONNECTIONS_MAX = 256

# uvicorn, hypercorn and Node close a connection that was idle for 5 s; we let go first, or a request would now and
# then be sent into a connection that is just being closed.
KEEPALIVE_EXPIRY_S = 4.0

# The library allows itself 100 requests on one HTTP/2 connection and queues the others behind them; as an attempt may
# take minutes, the 101st gets a connection of its own.
STREAMS_PER_LANE = 100
LANES_MAX = 16

# The library cuts HTTP/2 frames off the front of each piece by copying the rest, which for a long piece is quadratic.
_PIECE_BYTES = 64 * 1024

_TIMEOUTS = {"connect": CONNECT_TIMEOUT_S, "pool": POOL_TIMEOUT_S, "read": None, "write": None}


class ResponseTooLarge(Exception):
    """A response went beyond the bound its reader set."""


class Exchange:
    """One response that is being read."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.http_version: str = response.http_version
        self.is_complete = False
        self._response = response

    @property
    def media_type(self) -> str:
        """Return the content type without its parameters; empty when there is none."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    async def chunks(self, *, bytes_max: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, not decoded.

        Raises:
            ResponseTooLarge: More than `bytes_max` bytes arrived, of which that many were yielded.
        """
        left = bytes_max
        async for chunk in self._response.aiter_raw():
            yield chunk[:left]
            left -= len(chunk)
            if left < 0:
                raise ResponseTooLarge(f"more than {bytes_max} bytes")
        self.is_complete = True

    async def head(self, *, bytes_max: int) -> bytes:
        """Return the body, or as much of it as the bound allows."""
        received = bytearray()
        async for chunk in self._response.aiter_raw():
            received += chunk
            if len(received) > bytes_max:
                return bytes(received[:bytes_max])
        self.is_complete = True
        return bytes(received)


@dataclass(slots=True, eq=False)
class _Lane:
    """A transport and how many requests are on it.

    A retired one takes no more and closes after its last. That is what becomes of an HTTP/2 connection on which a
    request was given up: the library does not reset the stream, so the endpoint would go on working for nobody, the
    bytes it still sends would use up the connection's window, and a frame that was being written may have been cut.
    """

    transport: httpx.AsyncBaseTransport
    in_flight: int = 0
    is_retired: bool = False


class HttpPool:
    """All connections of this server to HTTP endpoints, one set per mode and origin."""

    def __init__(self, open_transport: Callable[[Address], httpx.AsyncBaseTransport] | None = None) -> None:
        self._lanes: dict[tuple[Mode, str], list[_Lane]] = {}
        self._open = open_transport or Transports().open

    @asynccontextmanager
    async def exchange(
        self, address: Address, *, method: str, headers: dict[str, str], content: bytes
    ) -> AsyncIterator[Exchange]:
        """Send a request whole and yield its response once the headers are there.

        Raises:
            httpx.TransportError: The network or the other side failed; `httpx.ConnectError` when it was not reached.
        """
        request = httpx.Request(
            method,
            address.url,
            headers={**headers, "content-length": str(len(content))} if content else headers,
            content=content if len(content) <= _PIECE_BYTES else _Pieces(content),
            extensions={"timeout": dict(_TIMEOUTS)},
        )
        lanes = self._lanes.setdefault((address.mode, address.origin), [])
        lane = self._lane(lanes, address)
        lane.in_flight += 1
        is_reusable = address.mode is Mode.HTTP_11
        try:
            response = await lane.transport.handle_async_request(request)
            exchange = Exchange(response)
            try:
                yield exchange
            finally:
                await response.aclose()
                is_reusable |= exchange.is_complete
        except httpx.TransportError:
            is_reusable = True  # The transport has dropped what was broken.
            raise
        finally:
            lane.in_flight -= 1
            lane.is_retired |= not is_reusable
            await self._close_if_done(lanes, lane)

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        lanes = [lane for each in self._lanes.values() for lane in each]
        self._lanes.clear()
        for lane in lanes:
            await lane.transport.aclose()

    def _lane(self, lanes: list[_Lane], address: Address) -> _Lane:
        usable = [lane for lane in lanes if not lane.is_retired]
        is_shared = address.mode is not Mode.HTTP_11
        free = [lane for lane in usable if lane.in_flight < STREAMS_PER_LANE] if is_shared else usable
        if free:
            return free[0]
        if usable and len(lanes) >= LANES_MAX:
            return min(usable, key=lambda lane: lane.in_flight)
        lane = _Lane(transport=self._open(address))
        lanes.append(lane)
        return lane

    async def _close_if_done(self, lanes: list[_Lane], lane: _Lane) -> None:
        if lane.is_retired and lane.in_flight == 0 and lane in lanes:
            lanes.remove(lane)
            await lane.transport.aclose()


class _Pieces:
    """A long body in short pieces; may be read again, because a connection may be found closed after it was sent."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), _PIECE_BYTES):
            yield self._content[start : start + _PIECE_BYTES]


class Transports:
    """Makes transports; the certificates of the system are read once, and only if an endpoint has https."""

    def __init__(self) -> None:
        self._context_by_mode: dict[Mode, ssl.SSLContext] = {}

    def open(self, address: Address) -> httpx.AsyncHTTPTransport:
        """Return a transport that speaks the address's mode."""
        mode = address.mode
        return httpx.AsyncHTTPTransport(
            verify=self._context(address),
            http1=mode is not Mode.H2C,
            http2=mode is not Mode.HTTP_11,
            limits=httpx.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=CONNECTIONS_MAX,
                keepalive_expiry=KEEPALIVE_EXPIRY_S,
            ),
            # Proxies and the like come in as settings, not from whatever the environment holds.
            trust_env=False,
        )

    def _context(self, address: Address) -> ssl.SSLContext:
        if address.url.scheme == "http":
            # Never used, and httpx would otherwise load its own list of authorities, for some 30 ms.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # One per mode, because the transport writes the protocols it offers into its context.
        context = self._context_by_mode.get(address.mode)
        if context is None:
            context = self._context_by_mode[address.mode] = ssl.create_default_context()
        return context
