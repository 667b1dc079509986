"""HTTP/2 connections to servers that set no limit of streams: the HTTP library takes that for a limit of one.

A server that says nothing of `SETTINGS_MAX_CONCURRENT_STREAMS` allows any number (RFC 9113, 6.5.2); Node's is one. The
library begins with one stream and waits for the number to be told, so that all attempts of such an endpoint would run
one after the other. Here the number is put into the server's first SETTINGS frame before the library reads it.
"""

from __future__ import annotations

import ssl
import typing
from collections.abc import Iterable

import httpcore

# As many as the library puts onto one connection.
STREAMS_MAX = 100

_FRAME_HEADER_BYTES = 9
_SETTINGS, _ACK = 0x04, 0x01
_MAX_CONCURRENT_STREAMS = 0x03
_SETTING_BYTES = 6
# A server's first frame is far smaller; beyond this it is left as it is.
_FIRST_FRAME_BYTES_MAX = 1_000


class TellingBackend(httpcore.AsyncNetworkBackend):
    """Opens connections like another backend does, to servers that seem to say how many streams they allow."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection."""
        return _TellingStream(
            await self._inner.connect_tcp(
                host, port, timeout=timeout, local_address=local_address, socket_options=socket_options
            )
        )

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class _TellingStream(httpcore.AsyncNetworkStream):
    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._is_first = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._inner.read(max_bytes, timeout=timeout)
        if self._is_first:
            self._is_first = False
            while (missing := _missing_bytes(data)) and (more := await self._inner.read(missing, timeout=timeout)):
                data += more
            data = with_limit_of_streams(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout=timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        # What was read so far was not HTTP; a stream of its own begins here.
        return _TellingStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> typing.Any:
        return self._inner.get_extra_info(info)


def with_limit_of_streams(data: bytes) -> bytes:
    """Return the first bytes of a server with a limit of streams in its SETTINGS, if they are that without one."""
    if not _is_settings(data) or _missing_bytes(data):
        return data
    end = _FRAME_HEADER_BYTES + int.from_bytes(data[:3], "big")
    payload = data[_FRAME_HEADER_BYTES:end]
    names = [int.from_bytes(payload[at : at + 2], "big") for at in range(0, len(payload), _SETTING_BYTES)]
    if _MAX_CONCURRENT_STREAMS in names:
        return data
    payload += _MAX_CONCURRENT_STREAMS.to_bytes(2, "big") + STREAMS_MAX.to_bytes(4, "big")
    return len(payload).to_bytes(3, "big") + data[3:_FRAME_HEADER_BYTES] + payload + data[end:]


def _is_settings(data: bytes) -> bool:
    """Return whether data begins like a small SETTINGS frame; a response over HTTP/1.1 begins with letters."""
    if len(data) < _FRAME_HEADER_BYTES or int.from_bytes(data[:3], "big") > _FIRST_FRAME_BYTES_MAX:
        return False
    return data[3] == _SETTINGS and not data[4] & _ACK and data[5:9] == bytes(4)


def _missing_bytes(data: bytes) -> int:
    """Return how many bytes of the first frame are still to come; none if it is no SETTINGS frame."""
    return max(0, _FRAME_HEADER_BYTES + int.from_bytes(data[:3], "big") - len(data)) if _is_settings(data) else 0
