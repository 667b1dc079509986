"""The engine as its surroundings see it: start, submit, ask, signal, cancel, kill, register."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from holdfast_engine.advance import advance
from holdfast_engine.attempt import start_run
from holdfast_engine.cancel import CancelOutcome
from holdfast_engine.errors import AlreadyInvoked, RequestRejected, UnknownInvocation
from holdfast_engine.existing import existing
from holdfast_engine.ids import idempotent_id, workflow_run_id
from holdfast_engine.keys import check_key
from holdfast_engine.kill import KillOutcome
from holdfast_engine.load import journal_of
from holdfast_engine.notify import notify_if_alive
from holdfast_engine.operating import Operating
from holdfast_engine.outcomes import outcome_of_head
from holdfast_engine.pausing import PauseOutcome
from holdfast_engine.ports import Fenced
from holdfast_engine.records import Head, KeyRef, Kind, Outcome, Status, Target
from holdfast_engine.registration import Registration
from holdfast_engine.retention import answers_for_ms, has_journal
from holdfast_engine.seeing import Seeing
from holdfast_engine.signals import awakeable_note
from holdfast_engine.submit import Created, Submission, relay, submit
from holdfast_engine.upkeep import recover, renew_leases, sweep_retention
from holdfast_engine.world import Ended, World
from holdfast_protocol.errors import DecodeError

__all__ = [
    "Accepted",
    "CancelOutcome",
    "Description",
    "Engine",
    "Finished",
    "KillOutcome",
    "PauseOutcome",
    "Registration",
    "Submission",
]

# Between two looks at a head that another process may be running; grows to the second.
_POLL_FIRST_S = 0.25
_POLL_MAX_S = 5.0
_DRAIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submission is durable. `invoke_at_ms` is set when it starts later."""

    invocation_id: str
    is_new: bool
    invoke_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An invocation has ended. `was_stored`: it had ended before this request came."""

    invocation_id: str
    outcome: Outcome
    completed_ms: int
    expires_ms: int
    was_stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An invocation for people: its head, and its raw journal unless that is no longer kept."""

    head: Head
    entries: tuple[bytes, ...]


class Engine(Operating, Seeing):
    """Durable execution over a world of ports."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._upkeep: list[asyncio.Task[Any]] = []

    async def load_registry(self) -> None:
        """Read the deployments and the rules from the store."""
        for deployment in await self.world.store.deployments():
            self.world.registry.put(deployment)
        self.world.rules = await self.world.store.rules()

    async def start(self) -> int:
        """Begin the upkeep and wake all that is unfinished; return how much that is."""
        self._keep_up(renew_leases(self.world))
        self._keep_up(sweep_retention(self.world))
        return await recover(self.world)

    async def stop(self) -> None:
        """Let the attempts under way end, within a bound; what is cut off is found again at the next start."""
        for task in self._upkeep:
            task.cancel()
        await asyncio.gather(*self._upkeep, return_exceptions=True)
        await self.world.tasks.drain(_DRAIN_S)

    async def send(self, submission: Submission) -> Accepted:
        """Create an invocation, or meet the one this is a duplicate of; it is durable when this returns.

        Raises:
            RequestRejected: The target does not exist or cannot be called so.
        """
        created = await submit(self.world, submission, runs_here=self.world.has_room)
        if created.held is not None:
            start_run(self.world, created.held)
        return await self._accepted(created)

    async def relay(self, submission: Submission) -> Accepted:
        """Create an invocation for a message in hand, which comes back until this has returned.

        Raises:
            RequestRejected: The target does not exist or cannot be called so.
        """
        return await self._accepted(await relay(self.world, submission))

    async def call(self, submission: Submission) -> Finished:
        """Create an invocation, or latch on to the one this is a duplicate of, and wait for its outcome.

        Raises:
            RequestRejected: The target does not exist or cannot be called so.
            AlreadyInvoked: A workflow was run with this key before.
        """
        created = await submit(self.world, submission, runs_here=True)
        head = created.head
        if not created.is_new:
            if head.kind is Kind.WORKFLOW:
                raise AlreadyInvoked(f"workflow {head.target.service} was already invoked with key {head.target.key!r}")
            return await self._wait(head)
        if created.held is None:
            # In a queue or left to a wake-up: it may have come to its end before anybody joined.
            return await self._wait(head, started_here=True)
        future = self.world.waiters.join(head.id)
        try:
            start_run(self.world, created.held)
            return await self._waited(head, future, was_stored=False)
        finally:
            self.world.waiters.leave(head.id, future)

    async def result(self, invocation_id: str, *, wait: bool) -> Finished | None:
        """Return the outcome of an invocation; None when it has not ended and `wait` is false.

        Raises:
            UnknownInvocation: There is none of that id.
        """
        head = await existing(self.world, invocation_id)
        if head.status is not Status.COMPLETED and not wait:
            return None
        return await self._wait(head)

    def invocation_id_of(self, target: Target, *, idempotency_key: str | None) -> str:
        """Return the id of an idempotent request, or of a workflow's run when there is no key."""
        return workflow_run_id(target) if idempotency_key is None else idempotent_id(target, idempotency_key)

    async def complete_awakeable(self, awakeable_id: str, outcome: Outcome) -> None:
        """Resolve or reject an awakeable; the first completion wins, a later one changes nothing.

        Raises:
            RequestRejected: It is not the id of an awakeable.
        """
        try:
            invocation_id, note = awakeable_note(awakeable_id, outcome)
        except DecodeError as error:
            raise RequestRejected(str(error)) from error
        await self.world.wakeups.watchdog(invocation_id)
        await notify_if_alive(self.world, invocation_id, note)
        await self.world.store.flushed()

    async def head(self, invocation_id: str) -> Head:
        """Return how an invocation stands.

        Raises:
            UnknownInvocation: There is none of that id.
        """
        return await existing(self.world, invocation_id)

    async def describe(self, invocation_id: str) -> Description:
        """Return an invocation with its journal.

        Raises:
            UnknownInvocation: There is none of that id.
        """
        head = await existing(self.world, invocation_id)
        loaded = await self.world.store.load(invocation_id, epoch=None)
        if loaded is None or isinstance(loaded, Fenced) or not has_journal(head, self.world.clock.now_ms()):
            return Description(head=head, entries=())
        journal = await journal_of(self.world, loaded.head, loaded.pages, ())
        return Description(head=loaded.head, entries=tuple(journal.entries))

    async def advance(self, invocation_id: str, *, expected_until_ms: int = 0) -> int | None:
        """Handle a wake-up; return when it has to come back, in epoch milliseconds.

        Of one that has been announced: until when it may yet be created.
        """
        return await advance(self.world, invocation_id, expected_until_ms=expected_until_ms)

    async def check_key(self, key: KeyRef) -> None:
        """Handle the check of a key's queue."""
        await check_key(self.world, key)

    async def _accepted(self, created: Created) -> Accepted:
        await self.world.store.flushed()
        return Accepted(invocation_id=created.head.id, is_new=created.is_new, invoke_at_ms=created.head.invoke_at_ms)

    async def _wait(self, head: Head, *, started_here: bool = False) -> Finished:
        """Wait for an invocation that is in other hands."""
        future = self.world.waiters.join(head.id)
        try:
            # Joined first, then looked: whoever completes it in between tells the future.
            head = await self._head(head.id)
            if head.status is Status.COMPLETED:
                return await self._finished(head, was_stored=not started_here)
            return await self._waited(head, future, was_stored=False)
        finally:
            self.world.waiters.leave(head.id, future)

    async def _waited(self, head: Head, future: asyncio.Future[Ended], *, was_stored: bool) -> Finished:
        """Wait to be told; where another process may run it, which tells nobody here, look now and then."""
        if not self.world.settings.is_alone and (found := await self._poll(head, future)) is not None:
            return await self._finished(found, was_stored=was_stored)
        ended = await future
        await self.world.store.flushed()
        return Finished(
            invocation_id=head.id,
            outcome=ended.outcome,
            completed_ms=ended.completed_ms,
            expires_ms=ended.completed_ms + answers_for_ms(head),
            was_stored=was_stored,
        )

    async def _poll(self, head: Head, future: asyncio.Future[Ended]) -> Head | None:
        """Return the completed head when the store knows first; None when the future is resolved."""
        pause = _POLL_FIRST_S
        while not future.done():
            await asyncio.wait((future,), timeout=pause)
            pause = min(2 * pause, _POLL_MAX_S)
            if not future.done():
                latest = await self._head(head.id)
                if latest.status is Status.COMPLETED:
                    return latest
        return None

    async def _finished(self, head: Head, *, was_stored: bool) -> Finished:
        outcome = await outcome_of_head(self.world, head)
        await self.world.store.flushed()
        completed_ms = head.completed_ms or 0
        return Finished(
            invocation_id=head.id,
            outcome=outcome,
            completed_ms=completed_ms,
            expires_ms=completed_ms + answers_for_ms(head),
            was_stored=was_stored,
        )

    async def _head(self, invocation_id: str) -> Head:
        head = await self.world.store.head(invocation_id)
        if head is None:
            raise UnknownInvocation(f"there is no invocation {invocation_id} any more")
        return head

    def _keep_up(self, work: Coroutine[Any, Any, None]) -> None:
        self._upkeep.append(asyncio.create_task(work))
