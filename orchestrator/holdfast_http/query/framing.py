"""Messages between the server and its query process: MessagePack with the length in front."""

from __future__ import annotations

from asyncio import IncompleteReadError, StreamReader, StreamWriter
from typing import Any, BinaryIO

from msgspec import msgpack

_LENGTH_BYTES = 4


def read_message(source: BinaryIO) -> dict[str, Any] | None:
    """Return the next message of a pipe; None at its end."""
    head = source.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    message: dict[str, Any] = msgpack.decode(source.read(int.from_bytes(head, "big")))
    return message


def write_message(sink: BinaryIO, message: object) -> None:
    """Write a message to a pipe."""
    sink.write(framed(message))
    sink.flush()


async def receive(source: StreamReader) -> dict[str, Any] | None:
    """Return the next message of a stream; None at its end."""
    try:
        head = await source.readexactly(_LENGTH_BYTES)
        message: dict[str, Any] = msgpack.decode(await source.readexactly(int.from_bytes(head, "big")))
    except IncompleteReadError:
        return None
    return message


async def send(sink: StreamWriter, message: object) -> None:
    """Write a message to a stream."""
    sink.write(framed(message))
    await sink.drain()


def framed(message: object) -> bytes:
    """Return a message as it travels."""
    body = msgpack.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body
