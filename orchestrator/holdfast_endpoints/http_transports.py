"""Making the HTTP library's transports, as our pool wants them."""

from __future__ import annotations

import ssl

import httpx

from holdfast_endpoints.http_address import Address, Mode
from holdfast_endpoints.http_lanes import KEEPALIVE_EXPIRY_S


class Transports:
    """Makes transports; the certificates of the system are read once, and only if an endpoint has https."""

    def __init__(self) -> None:
        self._context_by_mode: dict[Mode, ssl.SSLContext] = {}

    def open(self, address: Address, *, connections_max: int) -> httpx.AsyncHTTPTransport:
        """Return a transport that speaks the address's mode."""
        mode = address.mode
        return httpx.AsyncHTTPTransport(
            verify=self._context(address),
            http1=mode is not Mode.H2C,
            http2=mode is not Mode.HTTP_11,
            limits=httpx.Limits(
                max_connections=connections_max,
                max_keepalive_connections=connections_max,
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
