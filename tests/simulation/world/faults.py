"""Faults: which there are, where each can happen, and whether one happens now.

Every place where one could happen asks, and the questions are counted. A fault is the number of the question and what
happens there, so a list of faults replays a history, and a shorter list is a simpler one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Protocol


class Site(StrEnum):
    """A place where something can go wrong."""

    READ = "read"
    PAGE = "page of a query"
    WRITE = "write"
    SEND = "send"
    DELIVERY = "delivery"
    PROCESS = "process"
    INVOKE = "invoke"


class Kind(StrEnum):
    """What goes wrong."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    LOST = "lost"
    UNKNOWN = "unknown"
    REPEATED = "repeated"
    THROTTLED = "throttled"
    STALL_BEFORE = "stall before"
    STALL_AFTER = "stall after"
    DROPPED = "dropped"
    DOUBLED = "doubled"
    STALE_ACK = "stale acknowledgement"
    KILLED = "killed"
    FROZEN = "frozen"
    REFUSED = "refused"
    FUNCTION_CRASH = "function crash"
    FUNCTION_FROZEN = "function frozen"
    ANSWER_LOST = "answer lost"
    TIMED_OUT = "timed out"


DESCRIPTIONS: dict[Kind, str] = {
    Kind.CRASH_BEFORE: "a process dies before its store or queue operation takes effect",
    Kind.CRASH_AFTER: "a process dies after its operation took effect, before it learns so",
    Kind.LOST: "an operation fails and has no effect",
    Kind.UNKNOWN: "an operation takes effect and is reported as failed",
    Kind.REPEATED: "a client library repeats a write whose answer it lost",
    Kind.THROTTLED: "the store throttles",
    Kind.STALL_BEFORE: "a process stands still before an operation, for longer than its lease",
    Kind.STALL_AFTER: "a process stands still after an operation, for longer than its lease",
    Kind.DROPPED: "a wake-up is lost, and the queue recovered later",
    Kind.DOUBLED: "a message is delivered again while it is being handled",
    Kind.STALE_ACK: "an acknowledgement deletes the copy that another process handles",
    Kind.KILLED: "a process dies at any await",
    Kind.FROZEN: "a process stands still at any await",
    Kind.REFUSED: "an endpoint cannot be reached",
    Kind.FUNCTION_CRASH: "a handler's process dies at any await",
    Kind.FUNCTION_FROZEN: "a handler's process stands still and goes on as a zombie",
    Kind.ANSWER_LOST: "the answer of a handler gets lost, while it goes on",
    Kind.TIMED_OUT: "the dispatcher gives up waiting for a handler, which goes on",
}

KINDS_BY_SITE: dict[Site, tuple[Kind, ...]] = {
    Site.READ: (Kind.CRASH_BEFORE, Kind.LOST, Kind.THROTTLED, Kind.STALL_BEFORE, Kind.STALL_AFTER),
    # Between two items of a query, which is no snapshot.
    Site.PAGE: (Kind.STALL_BEFORE, Kind.STALL_AFTER, Kind.THROTTLED),
    Site.WRITE: (
        Kind.CRASH_BEFORE,
        Kind.CRASH_AFTER,
        Kind.LOST,
        Kind.UNKNOWN,
        Kind.REPEATED,
        Kind.THROTTLED,
        Kind.STALL_BEFORE,
        Kind.STALL_AFTER,
    ),
    Site.SEND: (Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.LOST, Kind.UNKNOWN, Kind.DROPPED),
    Site.DELIVERY: (Kind.DOUBLED, Kind.STALE_ACK),
    Site.PROCESS: (Kind.KILLED, Kind.FROZEN),
    Site.INVOKE: (
        Kind.REFUSED,
        Kind.FUNCTION_CRASH,
        Kind.FUNCTION_FROZEN,
        Kind.ANSWER_LOST,
        Kind.TIMED_OUT,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong at the n-th place that asks; `amount` in [0, 1) says how badly, where that can differ."""

    at: int
    kind: Kind
    amount: float


class Faults(Protocol):
    """Says whether something goes wrong now."""

    happened: list[Fault]

    def draw(self, site: Site) -> Fault | None:
        """Return what goes wrong here, or None."""
        ...

    def stop(self) -> None:
        """Let nothing go wrong from now on."""
        ...


class DrawnFaults:
    """Faults drawn from a seed, by the rate of each site."""

    def __init__(self, dice: Random, *, rate_by_site: dict[Site, float], kinds: frozenset[Kind]) -> None:
        self.happened: list[Fault] = []
        self._dice = dice
        self._count = 0
        self._kinds_by_site = {site: [kind for kind in KINDS_BY_SITE[site] if kind in kinds] for site in Site}
        self._rate_by_site = {site: rate_by_site.get(site, 0.0) for site in Site}

    def draw(self, site: Site) -> Fault | None:
        self._count += 1
        kinds = self._kinds_by_site[site]
        if not kinds or self._dice.random() >= self._rate_by_site[site]:
            return None
        fault = Fault(at=self._count, kind=self._dice.choice(kinds), amount=self._dice.random())
        self.happened.append(fault)
        return fault

    def stop(self) -> None:
        self._rate_by_site = dict.fromkeys(Site, 0.0)


class PlayedFaults:
    """The faults of a list. One whose place has become another in a changed history is left out."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.happened: list[Fault] = []
        self._fault_by_place = {fault.at: fault for fault in faults}
        self._count = 0
        self._is_over = False

    def draw(self, site: Site) -> Fault | None:
        self._count += 1
        fault = self._fault_by_place.get(self._count)
        if fault is None or self._is_over or fault.kind not in KINDS_BY_SITE[site]:
            return None
        self.happened.append(fault)
        return fault

    def stop(self) -> None:
        self._is_over = True


def counts(faults: Iterable[Fault]) -> Counter[Kind]:
    """Return how often each kind happened."""
    return Counter(fault.kind for fault in faults)
