"""The seam between an engine and a handler that runs somewhere: what an attempt is given and gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # For the annotation only: whoever makes a request has imported protobuf already.
    from holdfast_protocol.schema_pb2 import Start


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptRequest:
    """Everything one attempt starts from.

    `entries` are the journal's raw frames in order; the first is the Input command.
    """

    service: str
    handler: str
    protocol_version: int
    headers: Mapping[str, str]
    start: Start
    entries: Sequence[bytes]


class Checkpoint(Protocol):
    """Makes what an attempt did durable while it goes on."""

    async def append(self, frames: Sequence[bytes]) -> bool:
        """Append frames in journal form: commands and Run notifications, never proposals.

        Returns:
            True once they are durable; False when the attempt is fenced and must run nothing more.
        """
        ...

    async def barrier(self) -> bool:
        """Wait until all that the attempt was given is durable; awaited before its first closure runs.

        Returns:
            False when the attempt is fenced and must run nothing more.
        """
        ...

    def handover(self) -> int | None:
        """Return a completion to suspend on if the attempt had better end than start another closure; else None.

        The journal has it by the time the attempt's answer is there, so that the next attempt follows at once.
        """
        ...


class AttemptRunner(Protocol):
    """Executes attempts: in this process, over HTTP, or as a Lambda invocation."""

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        """Run one attempt.

        Without a checkpoint the attempt suspends after awaited runs, as every SDK does in request/response mode.

        Returns:
            The wire frames that were not checkpointed, among them exactly one terminator: the last.
        """
        ...
