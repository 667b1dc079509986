"""Why an invocation does not move: one sentence, computed from what is stored about it and about what it waits for.

A sentence starts with its verb ("waits for …", "is paused …"), so that the sentence of whoever is waited for goes
behind a "which": "waits for the call of Payment/charge (inv_…), which is paused since …".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from holdfast_engine.awaited import NAMED_MAX, Awaited, Thing, awaited_of
from holdfast_engine.records import Head, LastFailure, Lock, Status
from holdfast_engine.spoken import cut, moment, ordinal, span, until
from holdfast_engine.trees import (
    ALL_COMPLETED,
    ALL_SUCCEEDED_OR_FIRST_FAILED,
    FIRST_SUCCEEDED_OR_ALL_FAILED,
)

# What is ready is taken up in milliseconds, or as soon as a process has room; beyond this it is worth a remark.
_TAKEN_UP_WITHIN_MS = 10_000
# A failure this much older than the pause did not cause it; between the two there is one write.
_CAUSED_WITHIN_MS = 1_000
_MESSAGE_CHARS_MAX = 300

_TOGETHER = {
    ALL_COMPLETED: "all of",
    FIRST_SUCCEEDED_OR_ALL_FAILED: "the first success of",
    ALL_SUCCEEDED_OR_FIRST_FAILED: "all of, or the first failure of",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an invocation does not move.

    `invocation_ids` are those it waits for, nearest first, `awakeable_ids` what somebody outside has to complete,
    `until_ms` when it moves at the latest, where that is known.
    """

    sentence: str
    since_ms: int
    until_ms: int | None = None
    invocation_ids: tuple[str, ...] = ()
    awakeable_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue of a key as a waiter sees it.

    `place` counts from 1 for whoever is next; None when its ticket is not known, or too far behind to be counted.
    """

    lock: Lock
    place: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line for the permits of a scope as one who stands in it sees it.

    `full` are the counters without room, with their limits; the scope itself is the counter without a name.
    """

    full: tuple[tuple[str, int], ...]
    place: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about one invocation.

    `others` holds the sentences of those it waits for or queues behind, `is_served` says whether a deployment is
    registered that it can run on.
    """

    head: Head
    entries: Sequence[bytes]
    queue: Queue | None
    line: Line | None
    others: Mapping[str, str]
    is_served: bool
    now_ms: int


def reason_of(evidence: Evidence) -> Reason | None:
    """Return why an invocation does not move; None when it does, or has ended."""
    status = evidence.head.status
    match status:
        case Status.COMPLETED:
            return None
        case Status.RUNNING:
            return _running(evidence)
        case Status.SCHEDULED:
            return _scheduled(evidence)
        case Status.QUEUED:
            return _queued(evidence)
        case Status.READY:
            return _ready(evidence)
        case Status.SUSPENDED:
            return _suspended(evidence)
        case Status.BACKING_OFF:
            return _backing_off(evidence)
        case Status.PAUSED:
            return _paused(evidence)
        case _:
            assert_never(status)


def waits_for(head: Head, entries: Sequence[bytes]) -> tuple[str, ...]:
    """Return the first invocations that a suspended one waits for, whose sentences would make its own a better one."""
    ids = [awaited.invocation_id for awaited in awaited_of(head, entries) if awaited.invocation_id is not None]
    return tuple(dict.fromkeys(ids))[:NAMED_MAX]


def doing(head: Head, *, now_ms: int) -> str:
    """Return what an invocation that moves, or has ended, is doing."""
    match head.status:
        case Status.COMPLETED:
            return f"completed at {moment(head.completed_ms or head.modified_ms)}"
        case Status.RUNNING | Status.QUEUED:
            return f"is running since {span(now_ms - head.modified_ms)} (attempt {max(1, head.failed_attempts + 1)})"
        case _:
            return f"is {head.status.value} since {span(now_ms - head.modified_ms)}"


def _running(evidence: Evidence) -> Reason | None:
    head, now = evidence.head, evidence.now_ms
    if not 0 < head.lease_until_ms < now - _TAKEN_UP_WITHIN_MS:
        return None
    ago = span(now - head.lease_until_ms)
    sentence = f"was running in a process that went silent {ago} ago; the next wake-up takes it over"
    return Reason(sentence=sentence, since_ms=head.lease_until_ms)


def _scheduled(evidence: Evidence) -> Reason:
    head = evidence.head
    at_ms = head.invoke_at_ms or head.created_ms
    sentence = f"starts at {until(at_ms, now_ms=evidence.now_ms)}"
    return Reason(sentence=sentence, since_ms=head.created_ms, until_ms=at_ms)


def _queued(evidence: Evidence) -> Reason | None:
    head, queue = evidence.head, evidence.queue
    key = f"key {head.target.key!r} of {head.target.service}"
    if queue is None or queue.lock.holder == head.id:
        return None
    place = f"is {ordinal(queue.place)} in line" if queue.place is not None else "is in line"
    holder = queue.lock.holder
    if holder is None:
        sentence = f"{place} for {key}, which nobody holds: the queue is looked at within seconds"
        return Reason(sentence=sentence, since_ms=head.modified_ms)
    behind = f"behind {holder}"
    if (other := evidence.others.get(holder)) is not None:
        behind = f"{behind}, which {other}"
    return Reason(sentence=f"{place} for {key} {behind}", since_ms=head.modified_ms, invocation_ids=(holder,))


def _ready(evidence: Evidence) -> Reason | None:
    head, now = evidence.head, evidence.now_ms
    if not evidence.is_served:
        sentence = f"cannot run: no deployment that is registered has {head.target.service}/{head.target.handler}"
        return Reason(sentence=sentence, since_ms=head.modified_ms)
    if evidence.line is not None and (evidence.line.full or evidence.line.place is not None):
        return Reason(sentence=_in_line(head, evidence.line), since_ms=head.modified_ms)
    if now - head.modified_ms < _TAKEN_UP_WITHIN_MS:
        return None
    sentence = f"is ready since {span(now - head.modified_ms)} and no process has taken it up: all are busy, or its"
    return Reason(sentence=f"{sentence} wake-up was lost and recovery finds it", since_ms=head.modified_ms)


def _in_line(head: Head, line: Line) -> str:
    place = f"is {ordinal(line.place)} in line" if line.place is not None else "is in line"
    said = [f"{limit} of {f'limit key {counter!r}' if counter else 'the scope'}" for counter, limit in line.full]
    limits = f", whose limits are reached: {'; '.join(said)} may run at a time" if said else ""
    return f"{place} in scope {head.target.scope!r}{limits}"


def _suspended(evidence: Evidence) -> Reason:
    head, now = evidence.head, evidence.now_ms
    things = awaited_of(head, evidence.entries)
    since = f"since {span(now - head.modified_ms)}"
    times = [thing.until_ms for thing in things if thing.until_ms is not None]
    if not things:
        sentence = "has all that it waited for and goes on with the next wake-up"
    elif len(things) == 1 and things[0].thing is Thing.SLEEP and things[0].until_ms is not None:
        sentence = f"sleeps until {until(things[0].until_ms, now_ms=now)}"
    elif len(things) == 1:
        sentence = f"waits for {things[0].text} {since}{_which(things[0], evidence)}"
    else:
        named = [_said(thing, evidence) for thing in things[:NAMED_MAX]]
        if len(things) > NAMED_MAX:
            named.append(f"and {len(things) - NAMED_MAX} more")
        together = _TOGETHER.get(head.awaiting.combinator, "the first of") if head.awaiting else "the first of"
        sentence = f"waits {since} for {together}: {'; '.join(named)}"
    return Reason(
        sentence=sentence,
        since_ms=head.modified_ms,
        until_ms=min(times, default=None),
        invocation_ids=tuple(thing.invocation_id for thing in things if thing.invocation_id is not None),
        awakeable_ids=tuple(thing.awakeable_id for thing in things if thing.awakeable_id is not None),
    )


def _said(thing: Awaited, evidence: Evidence) -> str:
    if thing.until_ms is not None:
        return f"{thing.text} until {until(thing.until_ms, now_ms=evidence.now_ms)}"
    return f"{thing.text}{_which(thing, evidence)}"


def _which(thing: Awaited, evidence: Evidence) -> str:
    other = evidence.others.get(thing.invocation_id) if thing.invocation_id is not None else None
    return f", which {other}" if other is not None else ""


def _backing_off(evidence: Evidence) -> Reason:
    head, now = evidence.head, evidence.now_ms
    failed = f"attempt {head.failed_attempts} failed"
    if head.last_failure is not None:
        failed = f"{failed} with {_failure(head.last_failure)}"
    at_ms = head.retry_at_ms
    comes = "next try at once" if at_ms is None or at_ms <= now else f"next try at {until(at_ms, now_ms=now)}"
    return Reason(sentence=f"is retrying: {failed}; {comes}", since_ms=head.modified_ms, until_ms=at_ms)


def _paused(evidence: Evidence) -> Reason:
    head = evidence.head
    since = f"is paused since {span(evidence.now_ms - head.modified_ms)}"
    failure = head.last_failure
    if failure is None:
        sentence = f"{since} because an operator paused it"
    elif _by_operator(head, failure):
        sentence = f"{since} because an operator paused it; its last failure was {_failure(failure)}"
    else:
        sentence = f"{since} because an attempt failed for good with {_failure(failure)}"
    return Reason(sentence=f"{sentence}; it goes on when it is resumed", since_ms=head.modified_ms)


def _by_operator(head: Head, failure: LastFailure) -> bool:
    """Return whether somebody paused it: an attempt's own end leaves neither lease nor wait nor retry behind."""
    is_cut_off = head.awaiting is not None or head.retry_at_ms is not None or head.lease_until_ms > 0
    return is_cut_off or failure.at_ms < head.modified_ms - _CAUSED_WITHIN_MS


def _failure(failure: LastFailure) -> str:
    where = ""
    if failure.command_index is not None:
        name = f" {failure.command_name!r}" if failure.command_name else ""
        where = f" at command {failure.command_index}{name}"
    return f"[{failure.code}] {cut(failure.message, chars_max=_MESSAGE_CHARS_MAX)}{where}"
