"""Making the HTTP library's transports, as our pool wants them."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpcore
import httpx

from holdfast_endpoints.http2_settings import TellingBackend
from holdfast_endpoints.http_address import Address, Mode
from holdfast_endpoints.http_lanes import KEEPALIVE_EXPIRY_S


class _SharingTransport(httpx.AsyncHTTPTransport):
    """A transport whose HTTP/2 connections carry many requests, also to servers that set no limit of streams.

    The library below takes a backend of one's own; httpx has no word for it, so the pool that it made is replaced.
    """

    def __init__(self, *, verify: ssl.SSLContext, http1: bool, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, http1=http1, http2=True, limits=limits, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http1=http1,
            http2=True,
            network_backend=TellingBackend(httpcore.AnyIOBackend()),
        )


class Transports:
    """Makes transports; the certificates of the system are read once, and only if an endpoint has https.

    `ca_file` holds authorities that are trusted besides the system's, in PEM.
    """

    def __init__(self, *, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._context_by_mode: dict[Mode, ssl.SSLContext] = {}

    def open(self, address: Address, *, connections_max: int) -> httpx.AsyncHTTPTransport:
        """Return a transport that speaks the address's mode."""
        mode, context = address.mode, self._context(address)
        limits = httpx.Limits(
            max_connections=connections_max,
            max_keepalive_connections=connections_max,
            keepalive_expiry=KEEPALIVE_EXPIRY_S,
        )
        if mode is Mode.HTTP_11:
            # Proxies and the like come in as settings, not from whatever the environment holds.
            return httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)
        return _SharingTransport(verify=context, http1=mode is not Mode.H2C, limits=limits)

    def _context(self, address: Address) -> ssl.SSLContext:
        if address.url.scheme == "http":
            # Never used, and httpx would otherwise load its own list of authorities, for some 30 ms.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # One per mode, because the transport writes the protocols it offers into its context.
        context = self._context_by_mode.get(address.mode)
        if context is None:
            context = self._context_by_mode[address.mode] = ssl.create_default_context()
            if self._ca_file is not None:
                context.load_verify_locations(self._ca_file)
        return context
