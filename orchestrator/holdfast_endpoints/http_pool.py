"""Connections to HTTP endpoints: opened when needed, shared by all attempts, closed with the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import httpx

from holdfast_endpoints.http_address import Address, Mode
from holdfast_endpoints.http_exchange import Exchange, request_to
from holdfast_endpoints.http_lanes import WIDTH_BY_MODE, Lanes
from holdfast_endpoints.http_transports import Transports


class OpenTransport(Protocol):
    """Makes the transport of one lane."""

    def __call__(self, address: Address, *, connections_max: int) -> httpx.AsyncBaseTransport:
        """Return a transport with at most so many connections."""
        ...


class HttpPool:
    """All connections of this server to HTTP endpoints, by mode and origin."""

    def __init__(self, open_transport: OpenTransport | None = None) -> None:
        self._lanes: dict[tuple[Mode, str], Lanes] = {}
        self._open: OpenTransport = open_transport or Transports().open

    @asynccontextmanager
    async def exchange(
        self, address: Address, *, method: str, headers: dict[str, str], content: bytes
    ) -> AsyncIterator[Exchange]:
        """Send a request whole and yield its response once the headers are there.

        Raises:
            httpx.TransportError: The network or the other side failed; `httpx.ConnectError` when it was not reached.
        """
        request = request_to(address, method=method, headers=headers, content=content)
        async with self._lanes_to(address).take() as lane:
            # Over HTTP/1.1 the transport closes a connection that was given up, and no other request was on it.
            is_reusable = address.mode is Mode.HTTP_11
            try:
                exchange = Exchange(await lane.transport.handle_async_request(request))
                try:
                    yield exchange
                finally:
                    await exchange.close()
                    is_reusable |= exchange.is_complete
            except httpx.TransportError:
                is_reusable = True  # The transport has dropped what was broken.
                raise
            finally:
                lane.is_retired |= not is_reusable

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        for lanes in self._lanes.values():
            await lanes.close()
        self._lanes.clear()

    def _lanes_to(self, address: Address) -> Lanes:
        lanes = self._lanes.get((address.mode, address.origin))
        if lanes is None:
            width = WIDTH_BY_MODE[address.mode]
            # A connection may be negotiated down to HTTP/1.1, and then each request of its lane needs one.
            connections_max = width.requests_max
            lanes = Lanes(lambda: self._open(address, connections_max=connections_max), width)
            self._lanes[(address.mode, address.origin)] = lanes
        return lanes
