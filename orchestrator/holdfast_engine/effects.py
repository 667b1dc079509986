"""What a committed command asks of the world: plain data, imperative, idempotent at its receiver."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast_engine.records import Note, Outcome, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitChild:
    """Create the invocation a Call or OneWayCall names. `completion_id` is the Call's result, None for one-way."""

    invocation_id: str
    target: Target
    parameter: bytes
    headers: tuple[tuple[str, str], ...]
    idempotency_key: str | None
    limit_key: str | None
    invoke_at_ms: int | None
    command_id: int
    completion_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Give another invocation a notification."""

    invocation_id: str
    note: Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Ask another invocation to stop."""

    invocation_id: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenPromise:
    """Wait for a promise of this workflow key."""

    name: str
    completion_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletePromise:
    """Complete a promise of this workflow key."""

    name: str
    outcome: Outcome
    by: str
    completion_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachTo:
    """Wait for the outcome of another invocation."""

    invocation_id: str
    completion_id: int


Effect = SubmitChild | Notify | Cancel | ListenPromise | CompletePromise | AttachTo
