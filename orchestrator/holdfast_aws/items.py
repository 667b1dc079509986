"""Records as items and back: the one place that knows which attribute stands for what, and what its absence means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from holdfast_aws import listing_index
from holdfast_aws.models import HeadItem, LockItem, NoteItem, PageItem, PromiseItem
from holdfast_engine.records import Head, Kept, Lock, Note, Page, Promise, Status
from holdfast_protocol.items import page_of, page_sort

T = TypeVar("T")
Raw = Mapping[str, Any]

NOTE_PREFIX = "n"


def unless(value: T, usual: T) -> T | None:
    """Return a value, or None where it is what its absence means."""
    return None if value == usual else value


def seconds_up(milliseconds: int) -> int:
    """Return milliseconds as seconds, rounded up: nothing may expire early."""
    return -(-milliseconds // 1000)


def ordinal(number: int) -> str:
    """Return a number as text that sorts as numbers do: first how many digits follow."""
    digits = str(number)
    return chr(ord("0") + len(digits)) + digits


def ordinal_of(text: str) -> int:
    """Return the number of such a text."""
    return int(text[1:])


def head_item(model: type[HeadItem], head: Head) -> HeadItem:
    """Return a head as the item that is put for it."""
    is_completed = head.status is Status.COMPLETED
    retention_s = seconds_up(head.completion_retention_ms)
    return model(
        id=head.id,
        target=(head.target, head.kind),
        status=head.status,
        epoch=head.epoch,
        lease_until_ms=unless(head.lease_until_ms, 0),
        is_open=unless(head.is_open, False),
        deployment_id=head.deployment_id,
        protocol_version=head.protocol_version,
        listed=listing_index.partition_of(head.target.service, head.id),
        created_ms=head.created_ms,
        modified_ms=unless(head.modified_ms, head.created_ms),
        last_entry_ms=unless(head.last_entry_ms, head.created_ms),
        retention_s=retention_s,
        retention_ms=unless(head.completion_retention_ms, retention_s * 1000),
        journal_retention_ms=unless(head.journal_retention_ms, head.completion_retention_ms),
        nonce=head.nonce,
        caller=head.caller,
        sinks=list(head.sinks) or None,
        done=unless(head.done, 1),
        ticket=head.ticket,
        awaiting=head.awaiting,
        retry_at_ms=head.retry_at_ms,
        failed_attempts=unless(head.failed_attempts, 0),
        command_retries=unless(head.command_retries, 0),
        last_failure=head.last_failure,
        outcome=head.outcome,
        outcome_index=head.outcome_index,
        invoke_at_ms=head.invoke_at_ms,
        completed_ms=unless(head.completed_ms, head.modified_ms if is_completed else None),
        idempotency_key=head.idempotency_key,
        limit_key=head.limit_key,
        is_killed=unless(head.is_killed, False),
        answer_retention_ms=head.answer_retention_ms,
        kept=unless(head.kept, Kept.JOURNAL),
        origin=head.origin,
        trace=head.trace,
        first_epoch=unless(head.first_epoch, 1),
        entry_count=head.page.count,
        frames=list(head.page.frames),
        closed=unless(head.page.closed, False),
        taken=list(head.page.taken) or None,
        expires_s=seconds_up(head.completed_ms or 0) + retention_s if is_completed else None,
    )


def head_of(raw: Raw) -> Head:
    """Return the head of an item."""
    item = HeadItem.from_raw_data(dict(raw))
    target, kind = item.target
    modified_ms = _or(item.modified_ms, item.created_ms)
    retention_ms = _or(item.retention_ms, item.retention_s * 1000)
    completed_ms = item.completed_ms
    if completed_ms is None and item.status is Status.COMPLETED:
        completed_ms = modified_ms
    return Head(
        id=item.id,
        target=target,
        kind=kind,
        status=item.status,
        epoch=item.epoch,
        created_ms=item.created_ms,
        modified_ms=modified_ms,
        page=Page(
            epoch=item.epoch,
            base=0,
            frames=tuple(item.frames),
            closed=bool(item.closed),
            taken=tuple(item.taken or ()),
        ),
        nonce=item.nonce,
        lease_until_ms=_or(item.lease_until_ms, 0),
        is_open=bool(item.is_open),
        caller=item.caller,
        deployment_id=item.deployment_id,
        protocol_version=item.protocol_version,
        done=_or(item.done, 1),
        ticket=item.ticket,
        awaiting=item.awaiting,
        retry_at_ms=item.retry_at_ms,
        failed_attempts=_or(item.failed_attempts, 0),
        command_retries=_or(item.command_retries, 0),
        last_entry_ms=_or(item.last_entry_ms, item.created_ms),
        last_failure=item.last_failure,
        sinks=tuple(item.sinks or ()),
        outcome=item.outcome,
        outcome_index=item.outcome_index,
        invoke_at_ms=item.invoke_at_ms,
        completed_ms=completed_ms,
        idempotency_key=item.idempotency_key,
        limit_key=item.limit_key,
        completion_retention_ms=retention_ms,
        journal_retention_ms=_or(item.journal_retention_ms, retention_ms),
        is_killed=bool(item.is_killed),
        answer_retention_ms=item.answer_retention_ms,
        kept=_or(item.kept, Kept.JOURNAL),
        origin=item.origin,
        trace=item.trace,
        first_epoch=_or(item.first_epoch, 1),
    )


def page_item(model: type[PageItem], invocation_id: str, number: int, page: Page, *, expires_s: int | None) -> PageItem:
    """Return a later page as its item."""
    return model(
        id=invocation_id,
        sort=page_sort(number),
        epoch=page.epoch,
        base=page.base,
        entry_count=page.count,
        frames=list(page.frames),
        closed=unless(page.closed, False),
        taken=list(page.taken) or None,
        expires_s=expires_s,
    )


def page_in(raw: Raw) -> tuple[int, Page, int | None]:
    """Return the number and the page of an item, and its time to live in seconds."""
    item = PageItem.from_raw_data(dict(raw))
    number = page_of(item.sort)
    assert number is not None, f"{item.id} has a page called {item.sort!r}"
    page = Page(
        epoch=item.epoch,
        base=item.base,
        frames=tuple(item.frames),
        closed=bool(item.closed),
        taken=tuple(item.taken or ()),
    )
    return number, page, item.expires_s


def note_item(model: type[NoteItem], invocation_id: str, note: Note, *, arrival: int, expires_s: int) -> NoteItem:
    """Return a note as its item."""
    return model(id=invocation_id, sort=NOTE_PREFIX + note.key, frame=note.frame, arrival=arrival, expires_s=expires_s)


def note_in(raw: Raw) -> tuple[int, Note]:
    """Return when a note was written, and the note."""
    item = NoteItem.from_raw_data(dict(raw))
    return item.arrival, Note(key=item.sort.removeprefix(NOTE_PREFIX), frame=item.frame)


def lock_of(item: LockItem) -> Lock:
    """Return the lock of an item."""
    return Lock(next=item.next, serving=item.serving, holder=item.holder, applied=_or(item.applied, -1))


def promise_of(item: PromiseItem) -> Promise:
    """Return the promise of an item."""
    return Promise(outcome=item.outcome, by=item.by, listeners=tuple(item.listeners or ()))


def item_bytes(raw: Raw) -> int:
    """Return what an item weighs: names and values, as DynamoDB bills them."""
    return sum([_utf8(name) + _value_bytes(value) for name, value in raw.items()])


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _utf8(content)
        case "B":
            return len(content)
        case "N":
            return _number_bytes(content)
        case "L":
            return 3 + sum([1 + _value_bytes(element) for element in content])
        case "M":
            return 3 + sum([1 + _utf8(name) + _value_bytes(element) for name, element in content.items()])
        case _:
            return 1


def _number_bytes(text: str) -> int:
    digits = text.lstrip("-").rstrip("0")
    return (len(digits) + 1) // 2 + (2 if text.startswith("-") else 1)


def _utf8(text: str) -> int:
    return len(text.encode())


def _or(value: T | None, usual: T) -> T:
    return usual if value is None else value
