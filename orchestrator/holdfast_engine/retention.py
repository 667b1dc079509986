"""What stays of an invocation that has ended, for how long, and how it goes."""

from __future__ import annotations

from holdfast_engine.journal import Journal
from holdfast_engine.records import Head, Kind
from holdfast_engine.world import World


def is_over(head: Head, now_ms: int) -> bool:
    """Return whether a completed invocation's retention is over, though nobody has come by yet to delete it."""
    return head.completed_ms is not None and head.completed_ms + head.completion_retention_ms <= now_ms


async def retire(world: World, head: Head, journal: Journal | None) -> None:
    """Let what an invocation has beside its head expire, once all that follows from its end is done.

    The head expires by itself. One with nothing else, and an id that nothing can ever get again, needs no look.
    """
    assert head.completed_ms is not None
    can_return = head.idempotency_key is not None or head.kind is Kind.WORKFLOW
    if can_return or _has_pages(head, journal) or (journal is not None and journal.is_noted):
        await world.store.retire(head.id, expires_ms=_journal_expires_ms(head))
    if head.kind is Kind.WORKFLOW:
        # A workflow's state and promises live as long as its run is remembered.
        expires_ms = head.completed_ms + head.completion_retention_ms
        await world.store.retire_key(head.key_ref, expires_ms=expires_ms)


async def drop_late_note(world: World, invocation_id: str, head: Head | None) -> None:
    """Clear away the note that somebody wrote to an invocation which had ended.

    The other half of the look that `retire` takes: it sees the note, or its writer sees the completed head.
    """
    expires_ms = _journal_expires_ms(head) if head is not None else world.clock.now_ms()
    await world.store.retire(invocation_id, expires_ms=expires_ms)


async def forget(world: World, head: Head) -> bool:
    """Delete a completed invocation and return True, unless its id belongs to another by now."""
    is_gone = await world.store.forget(head.id, nonce=head.nonce)
    if is_gone and head.kind is Kind.WORKFLOW:
        await world.store.forget_key(head.key_ref)
    return is_gone


def _has_pages(head: Head, journal: Journal | None) -> bool:
    # A take-over may have claimed a page that stayed empty.
    if journal is None or head.epoch > 1:
        return head.page.closed
    return journal.slot.page > 1 or (journal.slot.count > 0 and journal.slot.page == 1)


def _journal_expires_ms(head: Head) -> int:
    # The outcome may be an entry of a later page.
    assert head.completed_ms is not None
    is_needed = head.outcome_index is not None
    return head.completed_ms + (head.completion_retention_ms if is_needed else head.journal_retention_ms)
