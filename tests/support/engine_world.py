"""An engine under test: the embedded store in memory, virtual time, and handlers that answer frames a test scripts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from holdfast_engine.engine import Engine, Finished, Submission
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Answer, Invoker, Store
from holdfast_engine.records import Head, KeyRef, Outcome, Status, Target
from holdfast_engine.registry import Deployment, Endpoint, Registry
from holdfast_engine.upkeep import recover
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.sqlite_store import SqliteStore
from holdfast_local.wakeups import LocalWakeups
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from holdfast_protocol.frames import frame_type
from holdfast_protocol.manifest import HandlerManifest, Manifest, Options, ServiceManifest
from holdfast_protocol.messages import MessageType, decode, is_notification
from tests.support.virtual_time import VirtualClock

DEPLOYMENT = "dp_10000000000000000000001"

# Longer than any delay a test is not about, shorter than a retention.
SOON_S = 30.0


def services(**options: Options) -> tuple[ServiceManifest, ...]:
    """Return a service `S`, an object `O` and a workflow `W`; `options` by service name."""

    def handlers(*kinds: tuple[str, Any]) -> tuple[HandlerManifest, ...]:
        return tuple(HandlerManifest(name=name, kind=kind) for name, kind in kinds)

    none = Options()
    return (
        ServiceManifest(
            name="S",
            kind="service",
            handlers=handlers(*((name, None) for name in ("work", "parent", "child", "other"))),
            options=options.get("S", none),
        ),
        ServiceManifest(
            name="O",
            kind="object",
            handlers=handlers(("add", "exclusive"), ("other", "exclusive"), ("get", "shared")),
            options=options.get("O", none),
        ),
        ServiceManifest(
            name="W",
            kind="workflow",
            handlers=handlers(("run", "workflow"), ("ask", "shared"), ("tell", "shared")),
            options=options.get("W", none),
        ),
    )


def deployment(
    manifests: Sequence[ServiceManifest], *, number: int = 1, versions: tuple[int, int] = (5, 7)
) -> Deployment:
    """Return the n-th deployment of some services; each one brings the n-th revision."""
    return Deployment(
        id=f"dp_1{number:022d}",
        endpoint=Endpoint(transport="in-process", address=f"address-{number}"),
        manifest=Manifest(
            protocol_mode="request_response",
            min_protocol_version=versions[0],
            max_protocol_version=versions[1],
            services=tuple(manifests),
        ),
        revisions=tuple((manifest.name, number) for manifest in manifests),
        created_ms=number,
    )


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt as a scripted handler sees it; `number` counts the attempts of the invocation from 1."""

    number: int
    deployment: Deployment
    request: AttemptRequest
    checkpoint: Checkpoint | None
    timeout_ms: int

    @property
    def id(self) -> str:
        return self.request.start.debug_id

    @property
    def types(self) -> list[MessageType]:
        """The types of the journal entries that were sent along."""
        return [MessageType(frame_type(entry)) for entry in self.request.entries]

    @property
    def state(self) -> dict[str, bytes]:
        return {entry.key.decode(): entry.value for entry in self.request.start.state_map}

    def notification(self, completion_id: int) -> pb.Notification | None:
        """Return the completion of a command, if it was sent along."""
        for entry in self.request.entries:
            if is_notification(frame_type(entry)):
                message = decode(entry)
                assert isinstance(message, pb.Notification)
                if message.WhichOneof("id") == "completion_id" and message.completion_id == completion_id:
                    return message
        return None


Handler = Callable[[Attempt], Awaitable[Answer | list[bytes]]]


def answers(*each: list[bytes] | Answer) -> Handler:
    """Return a handler that gives its n-th answer at the n-th attempt, and the last one from then on."""

    async def handler(attempt: Attempt) -> Answer | list[bytes]:
        return each[min(attempt.number, len(each)) - 1]

    return handler


@dataclass
class Script:
    """An Invoker whose handlers are written by the test, by `service/handler`."""

    takes: bool = False
    handlers: dict[str, Handler] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)

    def __setitem__(self, name: str, handler: Handler) -> None:
        self.handlers[name] = handler

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        return self.takes

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: Checkpoint | None, timeout_ms: int
    ) -> Answer:
        number = 1 + len(self.of(request.start.debug_id))
        attempt = Attempt(
            number=number, deployment=deployment, request=request, checkpoint=checkpoint, timeout_ms=timeout_ms
        )
        self.attempts.append(attempt)
        answer = await self.handlers[f"{request.service}/{request.handler}"](attempt)
        return answer if isinstance(answer, Answer) else Answer(frames=answer)

    def of(self, invocation_id: str) -> list[Attempt]:
        """Return the attempts of one invocation."""
        return [attempt for attempt in self.attempts if attempt.id == invocation_id]


class MemoryBlobs:
    """Blobs in a dictionary."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}

    async def put(self, invocation_id: str, name: str, content: bytes) -> None:
        await asyncio.sleep(0)
        self.blobs[invocation_id, name] = content

    async def get(self, invocation_id: str, name: str) -> bytes:
        await asyncio.sleep(0)
        return self.blobs[invocation_id, name]

    async def forget(self, invocation_id: str) -> None:
        for owner, name in list(self.blobs):
            if owner == invocation_id:
                del self.blobs[owner, name]


class CountingDice:
    """Dice that never fall the same way twice and are the same in every run; no jitter."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def entropy(self, size: int) -> bytes:
        return next(self._numbers).to_bytes(size, "big")

    def jitter(self) -> float:
        return 0.0


class ScriptedDiscovery:
    """Endpoints say what a test lets them say, by address; most tests put deployments into the registry themselves."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.asked: list[str] = []

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        self.asked.append(endpoint.address)
        manifest = self.manifests.get(endpoint.address)
        if manifest is None:
            raise DiscoveryFailed(f"{endpoint.address} does not answer", meta_code="META0003", is_retryable=True)
        return manifest, "sdk/1"


class EngineUnderTest:
    """A whole engine in one process; entering opens it, `crash` leaves its store behind for the next one."""

    def __init__(
        self,
        *,
        script: Script | None = None,
        invoker: Invoker | None = None,
        settings: Settings | None = None,
        deployments: Sequence[Deployment] = (),
        inner: SqliteStore | None = None,
        store: Callable[[SqliteStore], Store] | None = None,
        blobs: MemoryBlobs | None = None,
        dice: CountingDice | None = None,
    ) -> None:
        self.script = script or Script()
        self.invoker = invoker or self.script
        self.settings = settings or Settings()
        self.clock = VirtualClock()
        self.inner = inner or SqliteStore(None, now_ms=self.clock.now_ms)
        self.blobs = blobs or MemoryBlobs()
        self.dice = dice or CountingDice()
        self.discovery = ScriptedDiscovery()
        self.registry = Registry(deployments or [deployment(services())])
        self._is_restart = inner is not None
        tasks = Tasks(self.settings.attempts_max)
        self.wakeups = LocalWakeups(clock=self.clock, tasks=tasks, settle=self.inner.settled)
        self.store: Store = store(self.inner) if store is not None else self.inner
        self.world = World(
            store=self.store,
            wakeups=self.wakeups,
            invoker=self.invoker,
            discovery=self.discovery,
            blobs=self.blobs,
            clock=self.clock,
            dice=self.dice,
            registry=self.registry,
            settings=self.settings,
            tasks=tasks,
            listing=self.inner.listing,
        )
        self.engine = Engine(self.world)
        self.wakeups.bind(advance=self.engine.advance, check_key=self.engine.check_key)

    async def __aenter__(self) -> Self:
        if self._is_restart:
            self.inner.end_leases()
            await recover(self.world)
        else:
            self.inner.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.crash()

    async def crash(self) -> None:
        """End this process as kill -9 would: no task goes on and no timer fires; the store is left as it is."""
        self.wakeups.stop()
        await self.world.tasks.drain(0)
        self.wakeups.stop()

    def restarted(self, **changes: Any) -> EngineUnderTest:
        """Return the next process on what this one has left behind."""
        kept: dict[str, Any] = {
            "script": self.script,
            "invoker": self.invoker,
            "settings": self.settings,
            "deployments": self.registry.deployments(),
            "inner": self.inner,
            "blobs": self.blobs,
            "dice": self.dice,
        }
        return EngineUnderTest(**{**kept, **changes})

    async def call(self, path: str, body: bytes = b"1", **options: Any) -> Finished:
        return await asyncio.wait_for(self.engine.call(submission(path, body, **options)), 3600)

    async def send(self, path: str, body: bytes = b"1", **options: Any) -> str:
        return (await self.engine.send(submission(path, body, **options))).invocation_id

    async def rest(self, seconds: float = SOON_S) -> None:
        """Let everything happen that happens within that time."""
        await asyncio.sleep(seconds)

    async def head(self, invocation_id: str) -> Head:
        head = await self.inner.head(invocation_id)
        assert head is not None
        return head

    async def status(self, invocation_id: str) -> Status:
        return (await self.head(invocation_id)).status

    async def outcome(self, invocation_id: str) -> Outcome:
        """Return the outcome of an invocation that is waited for, within an hour."""
        finished = await asyncio.wait_for(self.engine.result(invocation_id, wait=True), 3600)
        assert finished is not None
        return finished.outcome

    async def entries(self, invocation_id: str) -> tuple[bytes, ...]:
        return (await self.engine.describe(invocation_id)).entries

    async def types(self, invocation_id: str) -> list[MessageType]:
        return [MessageType(frame_type(entry)) for entry in await self.entries(invocation_id)]

    async def state(self, key: str, service: str = "O") -> dict[str, bytes]:
        return (await self.inner.keyed(KeyRef(service=service, key=key), with_state=True)).state


def target(path: str) -> Target:
    """Return the target of `service/handler` or `service/key/handler`."""
    service, *key, handler = path.split("/")
    return Target(service=service, key=key[0] if key else None, handler=handler)


def submission(
    path: str, body: bytes = b"1", *, idempotency_key: str | None = None, invoke_at_ms: int | None = None
) -> Submission:
    """Return a request without headers."""
    return Submission(
        target=target(path),
        headers=(),
        body=body,
        idempotency_key=idempotency_key,
        invoke_at_ms=invoke_at_ms,
        limit_key=None,
    )


Hook = Callable[..., Awaitable[None]]


class Hooked:
    """A store that tells a test before or after an operation: `before_commit`, `after_note`, and so on.

    A hook is called once, with the operation's arguments.
    """

    def __init__(self, inner: SqliteStore) -> None:
        self._inner = inner
        self.hooks: dict[str, Hook] = {}

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._inner, name)

        async def hooked(*args: Any, **kwargs: Any) -> Any:
            await self._tell(f"before_{name}", args, kwargs)
            result = await operation(*args, **kwargs)
            await self._tell(f"after_{name}", args, kwargs)
            return result

        return hooked

    async def _tell(self, moment: str, args: Any, kwargs: Any) -> None:
        hook = self.hooks.pop(moment, None)
        if hook is not None:
            await hook(*args, **kwargs)
