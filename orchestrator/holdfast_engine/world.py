"""Everything an engine works with: its ports, the registry, its settings, and who waits or runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holdfast_engine.in_hand import InHand
from holdfast_engine.lacking import Lacking
from holdfast_engine.limits import RuleBook
from holdfast_engine.performed import Performed
from holdfast_engine.ports import Blobs, Clock, Dice, Discovery, Invoker, Store, Wakeups
from holdfast_engine.records import Outcome
from holdfast_engine.registry import Registry
from holdfast_engine.shared import Shared

if TYPE_CHECKING:
    from holdfast_engine.held import Held
    from holdfast_engine.ports.listing import Listing

# Far more invocations than are met again and again at a time; about 200 bytes each.
_PERFORMED_MAX = 100_000
# Invocations that wait for several things at once; some 40 bytes for each of those things.
_LACKING_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The engine's numbers.

    `is_alone`: whether all work on this store runs in this process, so that whoever waits here is told here.
    `lease_ms`: how long a process that died silently keeps an invocation; renewed while the attempt lives.
    `retention_min_ms`: a head outlives every message that may still name it (rule O-10).
    `journal_entries_max`: beyond it an invocation is paused; handlers that loop for ever end somewhere.
    `eager_state_bytes_max`: what is sent of a key's state with an attempt; the rest is read when asked for.
    `attempts_max`: attempts that run in this process at a time. `put_back_ms`: when a message that lost comes back.
    `runs_max`: how many runs this process takes on that no request of its own waits for; what is created beyond that is
    left to a wake-up. None for all of them: then there is nobody else.
    `fence_rounds_max`: how often a take-over looks for the open page while zombies still fill pages.
    `blob_bytes_min`: from this size on a frame goes to the blob store.
    `append_bytes_max`: what one write puts into a journal; an item of DynamoDB holds 400 KB.
    `state_bytes_max`: what the names of a key's state and its smallest values weigh; they share an item with its lock.
    `failure_text_max`: how much of an error's message and stack trace is kept, each.
    """

    is_alone: bool = True
    lease_ms: int = 30_000
    retention_min_ms: int = 600_000
    attempts_max: int = 1_000
    journal_entries_max: int = 100_000
    eager_state_bytes_max: int = 4 * 1024 * 1024
    failure_text_max: int = 4_096
    runs_max: int | None = None
    put_back_ms: int = 1_000
    fence_rounds_max: int = 100
    blob_bytes_min: int = 100_000
    append_bytes_max: int = 250_000
    state_bytes_max: int = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An outcome as it reaches those who wait in this process."""

    outcome: Outcome
    completed_ms: int


class Waiters:
    """Requests in this process that wait for an invocation to end."""

    def __init__(self) -> None:
        self._futures_by_id: dict[str, list[asyncio.Future[Ended]]] = {}

    def join(self, invocation_id: str) -> asyncio.Future[Ended]:
        """Return a future that `tell` resolves; `leave` must follow."""
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._futures_by_id.setdefault(invocation_id, []).append(future)
        return future

    def leave(self, invocation_id: str, future: asyncio.Future[Ended]) -> None:
        """Forget a future."""
        futures = self._futures_by_id.get(invocation_id)
        if futures is not None and future in futures:
            futures.remove(future)
            if not futures:
                del self._futures_by_id[invocation_id]

    def wants(self, invocation_id: str) -> bool:
        """Return whether anybody waits."""
        return invocation_id in self._futures_by_id

    def tell(self, invocation_id: str, ended: Ended) -> None:
        """Resolve all futures of an invocation."""
        for future in self._futures_by_id.get(invocation_id, ()):
            if not future.done():
                future.set_result(ended)


class Tasks:
    """The work that goes on in this process, bounded in number, and waited for at the end."""

    def __init__(self, most: int) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._room = asyncio.Semaphore(most)

    @property
    def count(self) -> int:
        """How much work there is, begun or not."""
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work as soon as there is room."""
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Work that was cancelled before it began has been awaited by nobody, and would complain.
        task.add_done_callback(lambda _: work.close())

    async def idle(self, timeout_s: float) -> bool:
        """Wait until no work is left, what it spawned included; False when time was up first."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while self._tasks and (left := until - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        return not self._tasks

    async def drain(self, timeout_s: float) -> int:
        """Wait for the work under way, cancel the rest; return how much was cancelled."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        async with self._room:
            await work


@dataclass(slots=True, kw_only=True)
class World:
    """What every flow takes as its first argument; `lines` are the scopes in which something stands in line."""

    store: Store
    wakeups: Wakeups
    invoker: Invoker
    discovery: Discovery
    blobs: Blobs
    clock: Clock
    dice: Dice
    registry: Registry
    settings: Settings
    tasks: Tasks
    waiters: Waiters = field(default_factory=Waiters)
    live: dict[str, Held] = field(default_factory=dict)
    in_hand: InHand = field(default_factory=InHand)
    performed: Performed = field(default_factory=lambda: Performed(_PERFORMED_MAX))
    rules: RuleBook = field(default_factory=RuleBook)
    lines: set[str] = field(default_factory=set)
    lacking: Lacking = field(default_factory=lambda: Lacking(_LACKING_MAX))
    looks: Shared = field(default_factory=Shared)
    # Where the store has no listing of its own, people see what recovery sees.
    listing: Listing | None = None

    @property
    def has_room(self) -> bool:
        """Whether this process takes on another run that no request of its own waits for."""
        return self.settings.runs_max is None or self.tasks.count < self.settings.runs_max
