"""The store's conditional writes on the lock of a key, as pure functions: the ticket lock's specification.

Free iff `serving == next`. Nobody overtakes: a key with tickets out is never free, even when nobody holds it.
"""

from __future__ import annotations

from holdfast_engine.records import Lock
from holdfast_engine.replacing import replace

NEVER_USED = Lock(next=0, serving=0, holder=None, applied=-1)


def enter_free(lock: Lock, invocation_id: str) -> Lock | None:
    """Take ticket and key at once."""
    if lock.serving != lock.next:
        return None
    return Lock(next=lock.next + 1, serving=lock.serving, holder=invocation_id, applied=-1)


def take_ticket(lock: Lock) -> Lock | None:
    """Draw the next ticket; the ticket is the old `next`."""
    return replace(lock, next=lock.next + 1) if lock.serving < lock.next else None


def claim(lock: Lock, *, ticket: int, invocation_id: str) -> Lock | None:
    """Take a key that is passed on to a ticket and that nobody holds."""
    if lock.serving != ticket or ticket >= lock.next or lock.holder is not None:
        return None
    return replace(lock, holder=invocation_id, applied=-1)


def skip(lock: Lock, *, ticket: int) -> Lock | None:
    """Pass over a ticket; fenced by a claim that came first."""
    if lock.serving != ticket or ticket >= lock.next or lock.holder is not None:
        return None
    return replace(lock, serving=ticket + 1, applied=-1)


def apply(lock: Lock, *, ticket: int, invocation_id: str, index: int) -> Lock | None:
    """Move `applied` on; a zombie of an earlier ticket and a repetition are both refused."""
    if lock.serving != ticket or lock.holder != invocation_id or lock.applied >= index:
        return None
    return replace(lock, applied=index)


def leave(lock: Lock, *, ticket: int, invocation_id: str, next_holder: str | None) -> Lock | None:
    """Pass the key on. `applied` starts anew: entry indices of two invocations cannot be compared."""
    if lock.serving != ticket or lock.holder != invocation_id:
        return None
    return Lock(next=lock.next, serving=ticket + 1, holder=next_holder, applied=-1)
