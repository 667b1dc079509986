"""A server that answers each HTTP request as its script says: well, wrongly, late, or not at all."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

Play = Callable[[socket.socket], bool]
"""Answers one request on its connection; False when the connection ends with that."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came; `connection` counts the connections from 1."""

    head: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedServer:
    """Plays its script, one line per request; behind the end it plays the last line again."""

    script: list[Play]
    received: list[Received] = field(default_factory=list)
    url: str = ""
    tls: ssl.SSLContext | None = None
    is_closing: threading.Event = field(default_factory=threading.Event)
    _connections: int = 0

    def serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            while (received := _read(connection, number)) is not None:
                self.received.append(received)
                play = self.script[min(len(self.received), len(self.script)) - 1]
                if not play(connection):
                    return

    def accept(self, listener: socket.socket) -> None:
        while not self.is_closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if self.tls is not None:
                try:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                except OSError:
                    # The other side does not like the certificate.
                    connection.close()
                    continue
            self._connections += 1
            threading.Thread(target=self.serve, args=(connection, self._connections), daemon=True).start()


@contextmanager
def scripted_server(*script: Play, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Serve on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "http" if tls is None else "https"
    server = ScriptedServer(list(script), url=f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", tls=tls)
    threading.Thread(target=server.accept, args=(listener,), daemon=True).start()
    try:
        yield server
    finally:
        server.is_closing.set()
        # Closing alone would leave the thread in its accept, and the port open.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(status: int = 200, content: object = None, *, date_s: float | None = None, **headers: str) -> Play:
    """Answer with JSON and its checksum; headers may replace what a good answer has."""
    body = json.dumps({} if content is None else content).encode()

    def play(connection: socket.socket) -> bool:
        fields = {
            "content-length": str(len(body)),
            "date": formatdate(date_s, usegmt=True),
            "x-amz-crc32": str(zlib.crc32(body)),
            "x-amzn-requestid": "REQUEST",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
        connection.sendall(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + body)
        return fields.get("connection") != "close"

    return play


def error(name: str, *, status: int = 400, message: str = "said so", item: object = None, **options: Any) -> Play:
    """Answer with an error of DynamoDB."""
    content = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": message}
    return answer(status, {**content, **({"Item": item} if item is not None else {})}, **options)


def hang_up(connection: socket.socket) -> bool:
    """Close the connection without an answer."""
    return False


def reset(connection: socket.socket) -> bool:
    """Cut the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def say_nothing(connection: socket.socket) -> bool:
    """Read on without ever answering, until the other side gives up."""
    connection.settimeout(30)
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass
    return False


def break_off(connection: socket.socket) -> bool:
    """Close the connection in the middle of an answer."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
    return False


def raw(data: bytes) -> Play:
    """Answer with these bytes and close."""

    def play(connection: socket.socket) -> bool:
        connection.sendall(data)
        return False

    return play


def _read(connection: socket.socket, number: int) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = connection.recv(65536)
        except OSError:
            return None
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Received(head=first, headers=headers, body=body, connection=number)
