"""The `Listing` port: finding invocations and keys by what they are, page by page, for people and their queries.

Nothing that decides asks it. A store answers as well as it can: `is_whole` says whether it has looked at everything
that could match. On DynamoDB there is an index of one entry per invocation, written once when it is created, by service
and time. What moves (status) is read from the heads of a page, so no step costs a write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from holdfast_engine.ports.store import Keyed
from holdfast_engine.records import Head, KeyRef, LastFailure, Promise, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which invocations are meant; None means any. `before_ms` is exclusive."""

    service: str | None = None
    handler: str | None = None
    key: str | None = None
    statuses: frozenset[Status] | None = None
    from_ms: int | None = None
    before_ms: int | None = None

    def matches(self, head: Head) -> bool:
        """Return whether an invocation is one of them."""
        target = head.target
        return (
            self.service in (None, target.service)
            and self.handler in (None, target.handler)
            and self.key in (None, target.key)
            and (self.statuses is None or head.status in self.statuses)
            and (self.from_ms is None or head.created_ms >= self.from_ms)
            and (self.before_ms is None or head.created_ms < self.before_ms)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page ended: the next one begins behind it, which is with something older."""

    created_ms: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of invocations, newest first.

    `next` is where to go on, even when the page is short: a store looks at so many invocations at a time and no more.
    None at the end. `is_whole` is false when this store cannot find all that match. `looked_at` is how many it read.
    """

    heads: tuple[Head, ...]
    next: Place | None
    is_whole: bool
    looked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many invocations of a service are in a status."""

    service: str
    status: Status
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something happened to an invocation.

    `what` is `entries`, with how many the journal had then, `attempt`, with its epoch, or a status it came to.
    """

    what: str
    number: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is remembered of an invocation beside its journal: moments in order, and the failures of its attempts."""

    moments: tuple[Moment, ...]
    failures: tuple[LastFailure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A key as it stands: its lock and state, and the first of those who wait for it, in order."""

    key: KeyRef
    keyed: Keyed
    waiting: tuple[tuple[int, str], ...]


class Listing(Protocol):
    """Reads for people; all are bounded.

    `lists_all` is false where only invocations that have not ended can be found, `lists_keys` where only keys can that
    have a queue or are named.
    """

    lists_all: bool
    lists_keys: bool

    async def invocations(self, selection: Selection, *, after: Place | None, limit: int) -> Listed:
        """Return a page of invocations, newest first."""
        ...

    async def counts(self) -> tuple[Count, ...]:
        """Return how many invocations there are, those that have completed included."""
        ...

    async def keys(self, *, service: str | None, key: str | None, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return a page of the keys that were ever used, in a stable order."""
        ...

    async def promises(self, key: KeyRef) -> tuple[tuple[str, Promise], ...]:
        """Return the promises of a key by name."""
        ...

    async def history(self, invocation_id: str) -> History:
        """Return what is remembered of an invocation; empty where the store remembers nothing."""
        ...
