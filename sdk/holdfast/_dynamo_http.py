"""One kept connection to DynamoDB: a request goes out, a whole answer comes back, or it is said what may have happened.

A function is frozen between two requests, for hours perhaps, and its connection dies without a word. So one that has
been idle is not trusted, and one that turns out dead is replaced at once. Whatever is given up is cut off, not closed:
bytes that are still waiting in a socket must not be sent when the function thaws (rule O-11).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

# Shorter than any idle time-out between here and DynamoDB, longer than between two checkpoints of a busy handler.
_IDLE_S_MAX: Final = 5.0
_CUT_OFF: Final = struct.pack("ii", 1, 0)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where DynamoDB is. `host_header` is the host as it is sent and signed."""

    is_tls: bool
    host: str
    port: int
    host_header: str
    region: str

    @classmethod
    def of(cls, region: str, environ: Mapping[str, str]) -> Address:
        """Return the address in a region: AWS's own, unless the environment names another.

        Raises:
            ValueError: the other one is no URL.
        """
        url = environ.get("AWS_ENDPOINT_URL_DYNAMODB") or environ.get("AWS_ENDPOINT_URL")
        if not url:
            suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
            url = f"https://dynamodb.{region}.{suffix}"
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or parts.hostname is None or parts.path not in ("", "/"):
            raise ValueError(f"{url!r} is no address of DynamoDB: it must be like https://host:port")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        default = _DEFAULT_PORTS[parts.scheme]
        port = parts.port or default
        return cls(
            is_tls=parts.scheme == "https",
            host=parts.hostname,
            port=port,
            host_header=host if port == default else f"{host}:{port}",
            region=region,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A whole answer, its checksum verified."""

    status: int
    body: bytes
    date: str
    request_id: str


class NoReply(Exception):
    """No whole answer came. `is_sent`: the request may have reached DynamoDB and taken effect."""

    def __init__(self, what: str, *, is_sent: bool, was_reused: bool) -> None:
        super().__init__(what)
        self.is_sent = is_sent
        self.was_reused = was_reused


class Connection:
    """A connection that is made when it is needed and kept while it is in use; for one thread."""

    def __init__(self, address: Address, *, now_s: Callable[[], float]) -> None:
        """Take the address, and a clock on the wall: no other is sure to go on while the function is frozen."""
        self._address = address
        self._now_s = now_s
        # Reading the trusted certificates takes longer than a request: it is done while the function starts.
        self._tls = ssl.create_default_context() if address.is_tls else None
        self._socket: socket.socket | None = None
        self._used_at_s = 0.0

    def post(self, headers: Mapping[str, str], body: bytes, *, connect_s: float, read_s: float) -> Reply:
        """Send a request and return its answer.

        Raises:
            NoReply: there is none, or it is damaged.
        """
        was_reused = self._drop_if_idle()
        is_sent = False
        try:
            connected = self._connected(connect_s)
            connected.settimeout(read_s)
            is_sent = True
            # In one piece: http.client would send head and body in two packets, and spends longer on the head.
            connected.sendall(_request(headers, body))
            response = http.client.HTTPResponse(connected, method="POST")
            response.begin()
            content = response.read()
            checksum = response.headers.get("x-amz-crc32")
            if checksum is not None and int(checksum) != zlib.crc32(content):
                raise ValueError("the answer does not match its checksum")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.drop()
            raise NoReply(f"{type(error).__name__}: {error}", is_sent=is_sent, was_reused=was_reused) from error
        if response.will_close:
            self.drop()
        self._used_at_s = self._now_s()
        return Reply(
            status=response.status,
            body=content,
            date=response.headers.get("date", ""),
            request_id=response.headers.get("x-amzn-requestid", ""),
        )

    def drop(self) -> None:
        """Cut the connection off; the next request makes a new one."""
        connected, self._socket = self._socket, None
        if connected is None:
            return
        try:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CUT_OFF)
        except OSError:
            # It is gone already.
            pass
        connected.close()

    def _drop_if_idle(self) -> bool:
        """Return whether there is a connection that can be used again."""
        if self._socket is not None and not 0 <= self._now_s() - self._used_at_s < _IDLE_S_MAX:
            self.drop()
        return self._socket is not None

    def _connected(self, connect_s: float) -> socket.socket:
        if self._socket is None:
            address = self._address
            connected = socket.create_connection((address.host, address.port), timeout=connect_s)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connected = self._tls.wrap_socket(connected, server_hostname=address.host)
            self._socket = connected
        return self._socket


def _request(headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"POST / HTTP/1.1\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body
