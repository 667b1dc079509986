"""The `Store` port: the atomic operations, and the outcomes they answer with.

Every writing operation is one conditional write of one item. What it answers is an outcome: the new record, or `None`
/ `Fenced` when the condition did not hold. Only `StoreUnreachable` is raised.

An operation may answer before its write is durable, as long as everything that is staged becomes durable in order:
the embedded store batches its commits so. `Store.flushed` is the barrier; the engine waits there before anything that
depends on a write leaves the process (an answer to a client, a closure of the handler, a request to an endpoint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from holdfast_engine.ports.permits import PermitStore
from holdfast_engine.records import (
    Awaiting,
    Failure,
    Head,
    Kept,
    KeyRef,
    LastFailure,
    Lock,
    Note,
    Outcome,
    Page,
    Promise,
    Sink,
    Slot,
    StateWrites,
    Status,
)
from holdfast_engine.registry import Deployment


class Fenced:
    """The write was refused: a newer epoch, another ticket or an operator owns the invocation now."""

    __slots__ = ()


FENCED = Fenced()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One consistent view of an invocation: its head, all later pages in order, and its notes in order of arrival."""

    head: Head
    pages: tuple[Page, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """The new head, and whether an earlier handler may still be writing (then the fence follows)."""

    head: Head
    was_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What `commit` writes to the head: every field, so that each caller says what it means.

    `frames` ride along only when page 0 is the open slot, guarded by `slot`.
    """

    status: Status
    modified_ms: int
    is_open: bool
    done: int
    ticket: int | None
    awaiting: Awaiting | None
    retry_at_ms: int | None
    failed_attempts: int
    command_retries: int
    last_entry_ms: int
    last_failure: LastFailure | None
    outcome: Outcome | None
    outcome_index: int | None
    frames: tuple[bytes, ...]
    taken: tuple[str, ...]
    slot: Slot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A place in the queue of a key, and the lock as it was when the ticket was drawn."""

    number: int
    lock: Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A key's lock with its state."""

    lock: Lock
    state: dict[str, bytes]


class Store(PermitStore, Protocol):
    """The atomic operations, section 2 of the operations page; all reads are strongly consistent."""

    async def flushed(self) -> None:
        """Return once everything this process wrote or read so far is durable."""
        ...

    # The journal.

    async def create(self, head: Head) -> Head | None:
        """Put the head if there is none; return None, or the head that was there."""
        ...

    async def succeed(self, head: Head, *, nonce: str) -> bool:
        """Put the head in the place of the completed one of that nonce; False when that is not there any more.

        Its notes go first. Its pages, and those that somebody begins who is left over from it, are nobody's from now
        on: reads pass over them, and writes take their place (`Head.owns`). But whoever was fenced by them stays so.
        """
        ...

    async def head(self, invocation_id: str) -> Head | None:
        """Return the head."""
        ...

    async def load(self, invocation_id: str, *, epoch: int | None) -> Loaded | Fenced | None:
        """Return everything of an invocation; fenced if the head or a page is of another epoch than `epoch`."""
        ...

    async def notes(self, invocation_id: str) -> tuple[Note, ...]:
        """Return the notes in order of arrival."""
        ...

    async def acquire(
        self,
        invocation_id: str,
        *,
        epoch: int,
        status: Status,
        now_ms: int,
        lease_until_ms: int,
        deployment_id: str | None,
        protocol_version: int | None,
        ticket: int | None,
        failed_attempts: int,
        command_retries: int,
    ) -> Acquired | None:
        """Start an epoch: from `epoch` and `status` as they were read; a running one only when its lease is over."""
        ...

    async def renew(self, invocation_id: str, *, epoch: int, lease_until_ms: int) -> bool:
        """Extend the lease of a running epoch."""
        ...

    async def claim_slot(self, invocation_id: str, *, page: int, base: int, epoch: int) -> Page | None:
        """Raise an open page's epoch, or make the page; None if it was closed meanwhile: the slot is the next one."""
        ...

    async def append(
        self, invocation_id: str, *, slot: Slot, epoch: int, frames: tuple[bytes, ...], taken: tuple[str, ...]
    ) -> Slot | Fenced:
        """Append to the open slot; return the next one."""
        ...

    async def commit(self, invocation_id: str, *, epoch: int, change: Change) -> Head | Fenced:
        """End an attempt; return the head as it is now, so that no sink is missed."""
        ...

    async def attach(self, invocation_id: str, sink: Sink) -> Head | None:
        """Add a sink; None when added, else the completed head. The head must exist."""
        ...

    async def note(self, invocation_id: str, note: Note) -> bool:
        """Put a note if there is none of that key; False when there was."""
        ...

    async def has_note(self, invocation_id: str, key: str) -> bool:
        """Return whether there is a note of that key."""
        ...

    async def cancel_unstarted(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        """End an invocation that has done nothing yet; None when it has, or has ended."""
        ...

    async def kill(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        """End an invocation whatever it does; None when it had ended."""
        ...

    async def pause(self, invocation_id: str, *, now_ms: int, epoch: int | None = None) -> Head | None:
        """Stop an invocation that has started; its attempt is fenced. None when its status does not allow it.

        An operator stops it in whichever epoch it is; an attempt only itself, and gets None when it is fenced.
        """
        ...

    async def resume(self, invocation_id: str, *, now_ms: int, deployment_id: str | None) -> Head | None:
        """Make a paused, suspended or backing-off invocation ready; None when its status does not allow it."""
        ...

    async def due(self, invocation_id: str, *, status: Status, now_ms: int) -> Head | None:
        """Move a scheduled invocation on, to ready or queued."""
        ...

    async def forget(self, invocation_id: str, *, nonce: str) -> bool:
        """Delete a completed invocation with its pages and notes, if it is still the one of that nonce."""
        ...

    async def strip(self, invocation_id: str, *, nonce: str, kept: Kept, output: bytes | None) -> Head | None:
        """Let go of the journal, or of the outcome as well, of a completed invocation that is still that of the nonce.

        `output` is the stored frame of the outcome, where one has to stay. Later pages go, or count as gone; whoever
        was fenced by them stays so. None when it is another invocation, has not ended, or has let go of as much before.
        """
        ...

    async def retire(self, invocation_id: str, *, head: Head | None, expires_ms: int, is_thorough: bool) -> None:
        """Drop the notes of a completed invocation, and let its later pages expire; repeated, it only reads.

        `head` is that of the one that is meant, None where there was none: nothing of another one under this id goes.
        Without a head the pages go at once: a restart has put them in front of it, and died.
        The head needs no word: it expires by itself when its retention is over, where anything does. Unless this is to
        be thorough, what goes by itself in some days may be left to that: its id is never used again.
        """
        ...

    async def keep(self, invocation_id: str) -> None:
        """See that nothing of an invocation expires that has not ended; where nothing does by itself, do nothing."""
        ...

    # Keys and promises.

    async def keyed(self, key: KeyRef, *, with_state: bool) -> Keyed:
        """Return lock and state; a key never used reads as free and empty."""
        ...

    async def enter_free(self, key: KeyRef, invocation_id: str) -> Keyed | None:
        """Take ticket and key in one write if the key is free; the answer carries the state."""
        ...

    async def take_ticket(self, key: KeyRef) -> Ticket | None:
        """Draw a ticket of a key that is not free; None when it is free by now."""
        ...

    async def put_wait(self, key: KeyRef, *, ticket: int, invocation_id: str) -> None:
        """Say whose ticket it is."""
        ...

    async def waits(self, key: KeyRef, *, from_ticket: int, limit: int) -> tuple[tuple[int, str], ...]:
        """Return (ticket, invocation id) from a ticket on, in order."""
        ...

    async def claim(self, key: KeyRef, *, ticket: int, invocation_id: str) -> Keyed | None:
        """Take a key whose turn it is for that ticket and that nobody holds."""
        ...

    async def forget_wait(self, key: KeyRef, *, ticket: int) -> None:
        """Drop what `put_wait` said of a ticket that has been served; nobody looks at it any more."""
        ...

    async def skip(self, key: KeyRef, *, ticket: int) -> bool:
        """Pass over a ticket whose owner never said who it is."""
        ...

    async def apply(self, key: KeyRef, *, ticket: int, invocation_id: str, index: int, writes: StateWrites) -> bool:
        """Write the holder's state up to entry `index`; False when fenced or already applied."""
        ...

    async def leave(
        self, key: KeyRef, *, ticket: int, invocation_id: str, writes: StateWrites, next_holder: str | None
    ) -> Lock | None:
        """Write the last state and give the key to the next waiter or to nobody; None when fenced."""
        ...

    async def promise(self, key: KeyRef, name: str) -> Promise | None:
        """Return a promise, if anybody completed it or listens to it."""
        ...

    async def complete_promise(self, key: KeyRef, name: str, *, outcome: Outcome, by: str) -> tuple[Promise, bool]:
        """Complete a promise; returns the promise as it is now and whether this call's `by` is the one that did it."""
        ...

    async def listen_promise(self, key: KeyRef, name: str, listener: Sink) -> Promise | None:
        """Add a listener; None when added, else the completed promise."""
        ...

    async def retire_key(self, key: KeyRef, *, expires_ms: int) -> None:
        """Let state and promises of a workflow's key expire with its run; repeated, it only reads."""
        ...

    async def forget_key(self, key: KeyRef, *, run_id: str, nonce: str) -> None:
        """Drop state and promises of a workflow's key, as long as its run is the completed one of that nonce.

        Once that is gone, the next run may have begun: then what there is belongs to it, and nothing is dropped.
        """
        ...

    # The registry and what recovery walks.

    async def save_deployment(self, deployment: Deployment) -> None:
        """Put a deployment."""
        ...

    async def forget_deployment(self, deployment_id: str) -> None:
        """Delete a deployment; one that is not there is no matter."""
        ...

    async def deployments(self) -> list[Deployment]:
        """Return all deployments, oldest first."""
        ...

    async def unfinished(self, *, after: str | None, limit: int) -> list[Head]:
        """Return a page of heads that need a look after a restart, completed ones with open effects included."""
        ...

    async def busy_keys(self, *, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return a page of the keys with `serving < next`."""
        ...

    async def expired(self, *, now_ms: int, limit: int) -> list[Head]:
        """Return completed heads of which something is no longer to be kept: journal, outcome, or the head itself.

        Where what is stored expires by itself, those whose head has, if it is still there.
        """
        ...
