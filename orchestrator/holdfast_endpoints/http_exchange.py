"""One request and its response over HTTP: a body that goes out in pieces, and one that is read up to a bound."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from holdfast_endpoints.http_address import Address

CONNECT_TIMEOUT_S = 10.0

# The library cuts HTTP/2 frames off the front of each piece by copying the rest, which for a long piece is quadratic.
_PIECE_BYTES = 64 * 1024

# Reading and writing may take as long as the attempt; whoever waits for the attempt bounds it.
_TIMEOUTS = {"connect": CONNECT_TIMEOUT_S, "read": None, "write": None, "pool": None}


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

    async def close(self) -> None:
        """Let go of the response, read to its end or not."""
        await self._response.aclose()


def request_to(address: Address, *, method: str, headers: dict[str, str], content: bytes) -> httpx.Request:
    """Return a request with these headers and none of the library's own but host and length."""
    return httpx.Request(
        method,
        address.url,
        headers={**headers, "content-length": str(len(content))} if content else headers,
        content=content if len(content) <= _PIECE_BYTES else _Pieces(content),
        extensions={"timeout": dict(_TIMEOUTS)},
    )


class _Pieces:
    """A long body in short pieces; may be read again, because a connection may be found closed after it was sent."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), _PIECE_BYTES):
            yield self._content[start : start + _PIECE_BYTES]
