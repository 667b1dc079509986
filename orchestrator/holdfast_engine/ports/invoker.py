"""The ports towards endpoints: running attempts, and asking what they serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from holdfast_engine.records import Slot
from holdfast_engine.registry import Deployment, Endpoint
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from holdfast_protocol.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure:
    """Why an attempt gave no complete answer.

    `is_counted` is false when user code was never reached. `is_handover`: it was not even tried, because this process
    has no time left for it; another one goes on, and no retry policy hears of it. `is_final`: no other try can go
    better, so the retry policy takes all its attempts for used up.
    """

    code: int
    message: str
    rt_code: str
    stacktrace: str = ""
    retry_after_ms: int | None = None
    is_counted: bool = True
    is_handover: bool = False
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint answered: whole raw frames, and the failure that cut it short if one did.

    `is_direct`: the handler could write to its journal by itself; `slot` is where its next append would have gone, so
    that all entries before it are stored. None when it did not say, because it gave no complete answer. Unless it
    `is_certain`, an append behind that place may have been carried out as well; its frames are in the answer.
    """

    frames: Sequence[bytes]
    failure: AttemptFailure | None = None
    is_direct: bool = False
    slot: Slot | None = None
    is_certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Leave to write to one's own journal: the epoch that fences it, the open slot, and what goes in front.

    Of the entries that were sent, those from `durable` on are not stored yet (rule O-9): the first append takes them
    along, with the tokens of the signals among them. Where pages expire by themselves, when they do follows from the
    invocation's creation and retention. Pages of epochs before the `first_epoch` but one are of who had its id before.
    """

    epoch: int
    slot: Slot
    durable: int
    taken: tuple[str, ...]
    created_ms: int
    retention_ms: int
    first_epoch: int


class GrantedCheckpoint(Checkpoint, Protocol):
    """The engine's checkpoint: called where the handler is in reach, or handed to it as a grant where it is not."""

    @property
    def grant(self) -> Grant:
        """What a handler elsewhere needs to write by itself."""
        ...


class Invoker(Protocol):
    """Runs one attempt of a handler; never raises for what the endpoint or the network does."""

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        """Return whether the deployment's handlers use a checkpoint; to others it is not given."""
        ...

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Send the request and return the answer."""
        ...


class Discovery(Protocol):
    """Asks an endpoint what it serves."""

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Return the manifest and the SDK's version; raises DiscoveryFailed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What an SDK made of a value, or its refusal: the response as it came."""

    status: int
    media_type: str
    body: bytes


@runtime_checkable
class Converting(Protocol):
    """A discovery whose endpoints can also be asked to turn stored values into JSON for people, and back."""

    async def convert(self, endpoint: Endpoint, path: Sequence[str], content: bytes) -> Converted:
        """Post the content below the endpoint's path for this; raises DiscoveryFailed."""
        ...
