"""What records weigh as items of DynamoDB: its rules of size, applied to the layout of the tables on AWS.

An attribute weighs its name, one letter, and its value. Absent ones weigh nothing, so what follows from others is left
out of an item. The embedded store bills itself by these figures; a test holds them to the real items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from holdfast_engine.compact import (
    awaiting_text,
    caller_text,
    key_text,
    last_failure_text,
    nonce_bytes,
    origin_text,
    outcome_bytes,
    sink_text,
    target_text,
    trace_text,
)
from holdfast_engine.records import Head, Kept, KeyRef, Kind, Lock, Note, Page, Promise, Status, Target
from holdfast_protocol.items import HEAD_SORT, page_sort
from holdfast_protocol.pages import frames_bytes

# A list or a map weighs this without its elements, and one more for each of them.
_CONTAINER_BYTES = 3
_FLAG_BYTES = 1 + 1
# Attributes of a head that come with a suspension or the end: they must not push a full page 0 over the KiB.
HEAD_RESERVE_BYTES = 24
# Larger values of state live in items of their own, so that entering and leaving a key does not pay for them.
INLINE_VALUE_BYTES_MAX = 900
# What is left of such a value in the lock: where to find it.
_POINTER_BYTES = 16
# A lock that is short of room holds no values but these, which are hardly larger than pointers.
MOVED_VALUE_BYTES_MIN = 64
# A ticket, an index and eight digits of a hash.
_LONGEST_POINTER_BYTES = 32
# Characters that may not stand in the name of an attribute, and take two there.
_ESCAPED = "\x1e[]"
_ARRIVAL_BYTES = 1 + 9
# Later pages and notes are born with a time to live: ten digits of seconds.
_EXPIRY_BYTES = 1 + 6
# Numbers of thirteen digits, which most times are.
_TIMES_MS = (10**12, 10**13)
# What is left of an invocation is said in one.
_KEPT_LETTER = "o"


def head_bytes(head: Head | None) -> int:
    """Return what a head weighs, page 0 included."""
    if head is None:
        return 0
    known = _weighed_by_id.get(id(head))
    if known is not None:
        return known[1]
    weight = _head_bytes(head)
    if len(_weighed_by_id) >= _WEIGHED_MAX:
        _weighed_by_id.clear()
    _weighed_by_id[id(head)] = (head, weight)
    return weight


# Heads just weighed: the same one is weighed for the bill and for its first page. As long as one is here, no other
# object has its id.
_weighed_by_id: dict[int, tuple[Head, int]] = {}
_WEIGHED_MAX = 256


def _head_bytes(head: Head) -> int:
    size = 1 + _utf8(head.id) + _number(head.epoch) + _number(head.created_ms) + 1 + len(nonce_bytes(head.nonce))
    size += _settled_bytes(
        head.target, head.kind, head.deployment_id, head.completion_retention_ms, head.journal_retention_ms
    )
    size += _frames(head.page)
    if head.modified_ms != head.created_ms:
        size += _number(head.modified_ms)
    if head.last_entry_ms != head.created_ms:
        size += _number(head.last_entry_ms)
    if head.idempotency_key is not None:
        size += _text(head.idempotency_key)
    if head.limit_key is not None:
        size += _text(head.limit_key)
    if head.caller is not None:
        size += _text(caller_text(head.caller))
    if head.sinks:
        size += _texts(map(sink_text, head.sinks))
    if head.page.taken:
        size += _texts(head.page.taken)
    if head.status is Status.COMPLETED:
        return size + _sparse_bytes(head) + _ended_bytes(head)
    return size + _sparse_bytes(head)


def page_bytes(page: Page | None, *, invocation_id: str, number: int) -> int:
    """Return what a later page weighs."""
    if page is None:
        return 0
    size = _item_bytes(invocation_id, len(page_sort(number))) + _number(page.epoch) + _number(page.base)
    size += _frames(page) + _EXPIRY_BYTES
    if page.taken:
        size += _texts(page.taken)
    return size + _FLAG_BYTES if page.closed else size


def note_bytes(note: Note, *, invocation_id: str) -> int:
    """Return what a note weighs."""
    return _item_bytes(invocation_id, 1 + _utf8(note.key)) + 1 + len(note.frame) + _ARRIVAL_BYTES + _EXPIRY_BYTES


def lock_bytes(key: KeyRef, lock: Lock | None, state: Mapping[str, bytes]) -> int:
    """Return what the lock of a key weighs, with the state that lives in it."""
    if lock is None:
        return 0
    size = _key_bytes(key) + 2 + _number(lock.next) + _number(lock.serving)
    if lock.holder is not None:
        size += _text(lock.holder)
    if lock.applied != -1:
        size += _number(lock.applied)
    values = [_utf8(name) + _inline_bytes(value) + 1 for name, value in state.items()]
    return size + 1 + _CONTAINER_BYTES + sum(values)


def named_bytes(name: str, value: bytes) -> int:
    """Return at most what a value of state weighs in a lock that is short of room: a large one has moved out."""
    escapes = sum(map(name.count, _ESCAPED))
    return _utf8(name) + escapes + 1 + (len(value) if len(value) <= MOVED_VALUE_BYTES_MIN else _LONGEST_POINTER_BYTES)


def value_bytes(key: KeyRef, value: bytes) -> int:
    """Return what a value of state weighs in an item of its own."""
    return _key_bytes(key) + 1 + _POINTER_BYTES + 1 + len(value)


def wait_bytes(key: KeyRef, *, ticket: int, invocation_id: str) -> int:
    """Return what a place in the queue of a key weighs."""
    return _key_bytes(key) + 2 + _ordinal_bytes(ticket) + _text(invocation_id)


def promise_bytes(key: KeyRef, name: str, promise: Promise | None) -> int:
    """Return what a promise weighs."""
    if promise is None:
        return 0
    size = _key_bytes(key) + 2 + _utf8(name)
    if promise.outcome is not None:
        size += 1 + len(outcome_bytes(promise.outcome))
    if promise.by is not None:
        size += _text(promise.by)
    if promise.listeners:
        size += _texts(map(sink_text, promise.listeners))
    return size


def number_bytes(number: int) -> int:
    """Return what a number weighs: a byte for two significant digits, one more, and one for a sign."""
    if 0 < number < 100:
        return 2
    if _TIMES_MS[0] <= number < _TIMES_MS[1] and number % 10:
        return 8
    if number == 0:
        return 1
    digits = len(str(abs(number)).rstrip("0"))
    return (digits + 1) // 2 + (2 if number < 0 else 1)


@lru_cache(maxsize=4096)
def _settled_bytes(
    target: Target, kind: Kind, deployment_id: str | None, completion_retention_ms: int, journal_retention_ms: int
) -> int:
    """Return what those attributes weigh that many heads have in common; a head is weighed with every write."""
    # The sort key, what is called, and the status: a letter for its name and one for its value.
    size = 1 + len(HEAD_SORT) + _text(target_text(target, kind)) + 2
    # Where it is listed: its service and a shard of one digit.
    size += _text(target.service) + 1
    if deployment_id is not None:
        size += _text(deployment_id)
    # The outcome's retention is kept in seconds, and as it is where they do not do.
    seconds, rest = divmod(completion_retention_ms, 1000)
    size += _number(seconds + 1) + _number(completion_retention_ms) if rest else _number(seconds)
    return size if journal_retention_ms == completion_retention_ms else size + _number(journal_retention_ms)


def _sparse_bytes(head: Head) -> int:
    """Return what the attributes weigh that most heads do without."""
    size = _FLAG_BYTES * (head.is_open + head.page.closed + head.is_killed)
    if head.lease_until_ms:
        size += _number(head.lease_until_ms)
    if head.done != 1:
        size += _number(head.done)
    if head.first_epoch != 1:
        size += _number(head.first_epoch)
    if head.failed_attempts:
        size += _number(head.failed_attempts)
    if head.command_retries:
        size += _number(head.command_retries)
    for number in (
        head.protocol_version,
        head.ticket,
        head.retry_at_ms,
        head.outcome_index,
        head.invoke_at_ms,
        head.answer_retention_ms,
    ):
        if number is not None:
            size += _number(number)
    if head.awaiting is not None:
        size += _text(awaiting_text(head.awaiting))
    if head.last_failure is not None:
        size += _text(last_failure_text(head.last_failure))
    if head.outcome is not None:
        size += 1 + len(outcome_bytes(head.outcome))
    if head.origin is not None:
        size += _text(origin_text(head.origin))
    if head.trace is not None:
        size += _text(trace_text(head.trace))
    return size if head.kept is Kept.JOURNAL else size + _text(_KEPT_LETTER)


def _ended_bytes(head: Head) -> int:
    """Return what the end adds: the time to live, and the time of the end where it is not the last change."""
    assert head.completed_ms is not None
    size = _number(-(-head.completed_ms // 1000) + -(-head.completion_retention_ms // 1000))
    return size if head.completed_ms == head.modified_ms else size + _number(head.completed_ms)


@lru_cache(maxsize=4096)
def _key_bytes(key: KeyRef) -> int:
    """Return what the partition of a key weighs."""
    return _text(key_text(key))


def _item_bytes(partition: str, sort_bytes: int) -> int:
    return _text(partition) + 1 + sort_bytes


def _ordinal_bytes(number: int) -> int:
    # A digit that says how many follow, so that texts sort as numbers do.
    return 1 + len(str(number))


def _inline_bytes(value: bytes) -> int:
    return len(value) if len(value) <= INLINE_VALUE_BYTES_MAX else _POINTER_BYTES


def _frames(page: Page) -> int:
    return _number(page.count) + 1 + _CONTAINER_BYTES + frames_bytes(page.frames)


def _number(number: int) -> int:
    return 1 + number_bytes(number)


def _text(text: str) -> int:
    return 1 + _utf8(text)


def _texts(texts: Iterable[str]) -> int:
    return 1 + _CONTAINER_BYTES + sum([1 + _utf8(text) for text in texts])


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
