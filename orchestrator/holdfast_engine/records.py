"""The engine's nouns as frozen records: what the store keeps and what an attempt carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where an invocation stands; the stored words and the shown words are the same."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    READY = "ready"
    RUNNING = "running"
    SUSPENDED = "suspended"
    BACKING_OFF = "backing-off"
    PAUSED = "paused"
    COMPLETED = "completed"


class Kind(StrEnum):
    """How a handler relates to its key."""

    STATELESS = "stateless"
    EXCLUSIVE = "exclusive"
    SHARED = "shared"
    WORKFLOW = "workflow"

    @property
    def is_keyed(self) -> bool:
        """Whether an invocation of this kind has a key."""
        return self is not Kind.STATELESS

    @property
    def holds_key(self) -> bool:
        """Whether it is the one writer of its key while it runs."""
        return self is Kind.EXCLUSIVE or self is Kind.WORKFLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an invocation calls."""

    service: str
    key: str | None
    handler: str
    scope: str | None = None

    def __str__(self) -> str:
        """Return `service/key/handler`, as logs and errors show it."""
        middle = f"/{self.key}" if self.key is not None else ""
        return f"{self.service}{middle}/{self.handler}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRef:
    """One key of one keyed service: the unit of single-writer access and of state."""

    service: str
    key: str
    scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A terminal failure as it travels: HTTP-like code, message, user metadata."""

    code: int
    message: str
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended: exactly one of value and failure is set."""

    value: bytes | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The invocation and the command that created this one; tells a redelivery from a stranger.

    With its first epoch: another one may have the id by now.
    """

    invocation_id: str
    completion_id: int
    first_epoch: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """An invocation that wants the outcome, as the completion of one of its commands; told by its first epoch, too."""

    invocation_id: str
    completion_id: int
    completion_type: int
    first_epoch: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """What a suspended invocation waits for: leaves and nested nodes under one combinator.

    `combinator` holds the wire's numbers (holdfast_protocol schema, Future.CombinatorType).
    """

    combinator: int
    completions: tuple[int, ...] = ()
    signals: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    nested: tuple[Awaiting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFailure:
    """Why the latest attempt failed, for people; texts are cut to a bound before they get here."""

    code: int
    message: str
    stacktrace: str = ""
    rt_code: str = ""
    command_index: int | None = None
    command_name: str = ""
    command_type: int | None = None
    at_ms: int = 0


class Kept(StrEnum):
    """What is left of a completed invocation, least last: all of it, its outcome, or only that it was there."""

    JOURNAL = "journal"
    OUTCOME = "outcome"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The invocation that this one was restarted from.

    The first `copied` entries are the other's: their effects and state writes have been performed once, by it. `seed`
    is that of the other's random numbers. `is_pinned` says that somebody has chosen the deployment.
    """

    invocation_id: str
    copied: int
    seed: int
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The W3C trace context that an invocation belongs to, as the headers of its first caller said it."""

    parent: str
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of the journal that one item holds; page 0 lives inside the head item.

    `frames` are raw frames, one per entry, `base` the index of the first. A closed page takes no more.
    `taken` names the signal notes merged here, because a signal's frame does not carry its token.
    """

    epoch: int
    base: int
    frames: tuple[bytes, ...]
    closed: bool = False
    taken: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Return how many entries the page holds."""
        return len(self.frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first item of an invocation: what it is, where it stands, and page 0 of its journal.

    Times are epoch milliseconds, retentions milliseconds. `completion_retention_ms` is how long the head is kept after
    completion; it answers as long, or for `answer_retention_ms` where that is less. `is_open` says that a handler of
    this or an earlier epoch may still be running and able to write. `done` is the entry index below which all effects
    have been performed. `deployment_id` is what the latest attempt used; it pins the invocation as soon as the journal
    holds more than its Input. `first_epoch` is that of its first attempt: an id that comes back goes on counting where
    whoever had it before has stopped, so that no writer of an earlier one passes for one of the later (J2).
    """

    id: str
    target: Target
    kind: Kind
    status: Status
    epoch: int
    created_ms: int
    modified_ms: int
    page: Page
    nonce: str
    lease_until_ms: int = 0
    is_open: bool = False
    caller: Caller | None = None
    deployment_id: str | None = None
    protocol_version: int | None = None
    done: int = 1
    ticket: int | None = None
    awaiting: Awaiting | None = None
    retry_at_ms: int | None = None
    failed_attempts: int = 0
    command_retries: int = 0
    last_entry_ms: int = 0
    last_failure: LastFailure | None = None
    sinks: tuple[Sink, ...] = ()
    outcome: Outcome | None = None
    outcome_index: int | None = None
    invoke_at_ms: int | None = None
    completed_ms: int | None = None
    idempotency_key: str | None = None
    limit_key: str | None = None
    completion_retention_ms: int = 0
    journal_retention_ms: int = 0
    is_killed: bool = False
    answer_retention_ms: int | None = None
    kept: Kept = Kept.JOURNAL
    origin: Origin | None = None
    trace: Trace | None = None
    first_epoch: int = 1

    @property
    def attempts(self) -> int:
        """Return how many epochs it has had."""
        return self.epoch - self.first_epoch + 1

    def owns(self, page: Page) -> bool:
        """Return whether a later page is its own, and not begun by somebody who is left over from its predecessor.

        Pages that are stored before their head, as a restarted one's are, have the epoch before its first.
        """
        return page.epoch >= self.first_epoch - 1

    @property
    def copied(self) -> int:
        """Return how many entries of its journal are another invocation's."""
        return self.origin.copied if self.origin is not None else 0

    @property
    def key_ref(self) -> KeyRef:
        """Return the key this invocation belongs to; only for keyed kinds."""
        assert self.target.key is not None, f"{self.id} has no key"
        return KeyRef(service=self.target.service, key=self.target.key, scope=self.target.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A notification that has arrived and is not in the journal yet.

    `key` is `c#<completion id>` (the first writer wins) or `s#<token>` for a signal; see `note_keys`.
    """

    key: str
    frame: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The one place where the next append must go: page number, entries already there, index of the page's first.

    `frames_bytes` is what the page's frames weigh, so that whoever appends knows when the page gets full; for page 0 it
    makes up for a head that weighs more or less than most.
    """

    page: int
    count: int
    base: int
    frames_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The ticket lock of a key and where its state stands.

    Free iff `serving == next`. Held iff `holder` is set; then `serving` is the holder's ticket. `applied` is the
    entry index of the holder's journal up to which state writes are in; it starts at -1 with every holder.
    """

    next: int
    serving: int
    holder: str | None
    applied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWrites:
    """State commands folded into one change: clear everything first or not, then set (bytes) or clear (None) names."""

    clear_all: bool
    values: tuple[tuple[str, bytes | None], ...]

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to write."""
        return not self.clear_all and not self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A workflow's promise: who waits, and the outcome with the command that set it."""

    outcome: Outcome | None
    by: str | None
    listeners: tuple[Sink, ...]
