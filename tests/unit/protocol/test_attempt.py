"""The seam between engine and handler: a record that cannot change, and protocols any shell can meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import FrozenInstanceError

import pytest

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.attempt import AttemptRequest, AttemptRunner, Checkpoint
from holdfast_protocol.messages import encode

REQUEST = AttemptRequest(
    service="Greeter",
    handler="greet",
    protocol_version=7,
    headers={"x-restate-invocation-id": "inv_x"},
    start=pb.Start(known_entries=1),
    entries=[encode(pb.InputCommand())],
)


class Echo:
    """The least thing that is an AttemptRunner: it ends every attempt at once."""

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        """Return the terminator alone."""
        assert request.entries
        assert checkpoint is None or await checkpoint.barrier()
        return [encode(pb.End())]


class Durable:
    """The least thing that is a Checkpoint: it keeps frames in a list."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    async def append(self, frames: Sequence[bytes]) -> bool:
        """Keep the frames."""
        self.frames += frames
        return True

    async def barrier(self) -> bool:
        """Have nothing to wait for."""
        return True

    def handover(self) -> None:
        """Have all the time there is."""


def test_a_request_cannot_be_changed() -> None:
    """What an attempt was given stays what it was given."""
    with pytest.raises(FrozenInstanceError):
        REQUEST.service = "Other"  # type: ignore[misc]  # the point of the test


async def test_any_object_with_the_methods_fits_the_seam() -> None:
    """Runner and checkpoint are met by shape: nothing has to inherit from them."""
    runner: AttemptRunner = Echo()
    checkpoint: Checkpoint = Durable()
    assert (
        await runner.run(REQUEST, checkpoint) == await runner.run(REQUEST, None) == [bytes.fromhex("0003000000000000")]
    )
