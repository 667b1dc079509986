"""Attempts by hand: a request with a journal, a checkpoint that keeps everything, and how an attempt came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import holdfast
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.messages import decode, encode
from holdfast_protocol.schema_pb2 import InputCommand, OutputCommand, Start, StateEntry, Value


class Durable:
    """A checkpoint that accepts everything at once."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    async def append(self, frames: Sequence[bytes]) -> bool:
        self.frames.extend(frames)
        return True

    async def barrier(self) -> bool:
        return True

    def handover(self) -> None:
        return None


def request_of(
    service: str,
    handler: str,
    body: bytes = b"",
    *,
    version: int = 7,
    key: str = "",
    state: Mapping[str, bytes] | None = None,
    entries: Sequence[bytes] = (),
) -> AttemptRequest:
    """Return the request of an attempt whose journal is the input and the given entries."""
    journal = [encode(InputCommand(value=Value(content=body))), *entries]
    return AttemptRequest(
        service=service,
        handler=handler,
        protocol_version=version,
        headers={},
        start=Start(
            id=b"i" * 24,
            debug_id="inv_1",
            known_entries=len(journal),
            key=key,
            state_map=[StateEntry(key=name.encode(), value=value) for name, value in (state or {}).items()],
            random_seed=7,
        ),
        entries=journal,
    )


def outcome_of(frames: Sequence[bytes]) -> bytes | holdfast.TerminalError:
    """Return what the invocation came to: the output's bytes, or its failure."""
    outputs = [message for message in map(decode, frames) if isinstance(message, OutputCommand)]
    assert len(outputs) == 1, [type(decode(frame)).__name__ for frame in frames]
    if outputs[0].HasField("failure"):
        return holdfast.TerminalError(outputs[0].failure.message, outputs[0].failure.code)
    return outputs[0].value.content
