"""HTTP/2 servers that set no limit of streams, and those that do."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from holdfast_endpoints.http2_settings import STREAMS_MAX, with_limit_of_streams

_STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


def first_bytes(**settings: int) -> bytes:
    """Return what a server with these settings says first."""
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    codes = {h2.settings.SettingCodes[name]: number for name, number in settings.items()}
    server.local_settings = h2.settings.Settings(client=False, initial_values=codes)
    server.initiate_connection()
    return bytes(server.data_to_send())


def told(data: bytes) -> int | None:
    """Return the limit of streams that a client is told, after which it goes on as with any server."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    changed = [event for event in client.receive_data(data) if isinstance(event, h2.events.RemoteSettingsChanged)]
    assert len(changed) == 1
    limit = changed[0].changed_settings.get(_STREAMS)
    return limit.new_value if limit is not None else None


@pytest.mark.parametrize("rest", [b"", b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x01\x00\x00"])
def test_a_server_that_says_nothing_seems_to_say_many(rest: bytes) -> None:
    """Where the server sets no limit the library is told one, and what follows stays as it is."""
    silent = bytes.fromhex("000006 04 00 00000000 0004 00100000")
    assert told(silent) is None
    assert told(with_limit_of_streams(silent + rest)) == STREAMS_MAX
    assert with_limit_of_streams(silent + rest).endswith(rest)
    assert told(with_limit_of_streams(bytes.fromhex("000000 04 00 00000000"))) == STREAMS_MAX


def test_a_server_that_says_a_number_is_believed() -> None:
    """A limit that the server sets is left as it is."""
    data = first_bytes(MAX_CONCURRENT_STREAMS=7, INITIAL_WINDOW_SIZE=100_000)
    assert with_limit_of_streams(data) == data
    assert told(data) == 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        bytes.fromhex("000000 04 01 00000000"),
        bytes.fromhex("000008 06 00 00000000 0000000000000000"),
        bytes.fromhex("ffffff 04 00 00000000") + bytes(10),
        bytes.fromhex("000006 04 00 00000000 0004"),
    ],
)
def test_anything_else_is_left_alone(data: bytes) -> None:
    """What does not begin with a whole SETTINGS frame travels unchanged."""
    assert with_limit_of_streams(data) == data
