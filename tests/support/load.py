"""A lean HTTP/1.1 client for load: raw asyncio, one connection per request under way, little CPU of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast
from urllib.parse import urlsplit


class ConnectionLost(Exception):
    """The server went away before it had answered; whether it acted is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the server answered; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


class LoadClient:
    """Keeps connections open and reuses them; as many as there are requests under way at once."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._idle: deque[_Connection] = deque()

    async def __aenter__(self) -> Self:
        """Return the client itself; connections are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop().close()

    async def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request and return the answer, whatever its status.

        Raises:
            ConnectionLost: There was no connection, or it broke before the answer was complete.
        """
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}:{self._port}"]
        if body or method != "GET":
            lines.append(f"content-length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        connection = await self._connection()
        answer = await connection.exchange("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if connection.is_open:
            self._idle.append(connection)
        return answer

    async def post(self, path: str, body: bytes = b"", **headers: str) -> Response:
        """Post JSON; an underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            named["content-type"] = "application/json"
        return await self.request("POST", path, body=body, headers=named)

    async def get(self, path: str) -> Response:
        """Get a path."""
        return await self.request("GET", path)

    async def _connection(self) -> _Connection:
        while self._idle:
            if (idle := self._idle.pop()).is_open:
                return idle
        try:
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Response] | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not derived from asyncio's, so this cannot be asserted.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._waiter is not None and not self._waiter.done() and (answer := _parse(self._buffer)):
            self._buffer.clear()
            if answer.headers.get("connection", "").lower() == "close":
                self.close()
            self._waiter.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionLost(str(exc or "closed by the server")))

    async def exchange(self, request: bytes) -> Response:
        """Write a request and wait for its answer."""
        if not self.is_open or self._transport is None:
            raise ConnectionLost("closed while idle")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            # The answer may still come and must not be taken for that of the next request.
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()


def _parse(buffer: bytearray) -> Response | None:
    """Return the response once it is complete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    rest = bytes(buffer[end + 4 :])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _dechunk(rest)
    else:
        length = int(headers.get("content-length", "0"))
        body = rest[:length] if len(rest) >= length else None
    return None if body is None else Response(status=int(first.split(" ", 2)[1]), headers=headers, body=body)


def _dechunk(data: bytes) -> bytes | None:
    """Return the joined chunks, or None while the last one is missing."""
    body, at = b"", 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].split(b";")[0], 16)
        start = end + 2
        if len(data) < start + size + 2:
            return None
        if size == 0:
            return body
        body += data[start : start + size]
        at = start + size + 2
    return None
