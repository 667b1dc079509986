"""What stays of an invocation that has ended, for how long, and how it goes.

First the journal goes, then the outcome, then the head: that stays as long as a message may still name the invocation
or its creator may create it again, whatever it answers to those who ask (O-10).
"""

from __future__ import annotations

from holdfast_engine.blobs import REFERENCE_TYPE, spilled
from holdfast_engine.journal import Journal, type_of
from holdfast_engine.load import journal_of_stored
from holdfast_engine.records import Head, Kept, Kind
from holdfast_engine.registry import HandlerSpec
from holdfast_engine.world import World


def is_over(head: Head, now_ms: int) -> bool:
    """Return whether a completed invocation is as unknown to those who ask as one that never was."""
    return head.kept is Kept.NOTHING or (head.completed_ms is not None and answers_until_ms(head) <= now_ms)


def answers_for_ms(head: Head) -> int:
    """Return for how long an invocation has an outcome for those who ask, once it is completed."""
    return head.completion_retention_ms if head.answer_retention_ms is None else head.answer_retention_ms


def answers_until_ms(head: Head) -> int:
    """Return until when a completed invocation has an outcome for those who ask."""
    assert head.completed_ms is not None
    return head.completed_ms + answers_for_ms(head)


def has_journal(head: Head, now_ms: int) -> bool:
    """Return whether an invocation's journal may still be looked at."""
    if head.completed_ms is None:
        return True
    return head.kept is Kept.JOURNAL and now_ms < head.completed_ms + head.journal_retention_ms


def next_expiry_ms(head: Head) -> int | None:
    """Return when something of an invocation has to go; None before it has ended."""
    if head.completed_ms is None:
        return None
    is_gone_ms = head.completed_ms + head.completion_retention_ms
    match head.kept:
        case Kept.JOURNAL:
            return min(head.completed_ms + head.journal_retention_ms, answers_until_ms(head), is_gone_ms)
        case Kept.OUTCOME:
            return min(answers_until_ms(head), is_gone_ms)
        case Kept.NOTHING:
            return is_gone_ms


def retentions(spec: HandlerSpec, *, has_identity: bool, least_ms: int) -> tuple[int, int, int | None]:
    """Return how long head and journal are kept after completion, and how long the head answers if that is less.

    What can be asked for again under the same id, by its idempotency key or as a workflow's run, answers as long as its
    handler says. Anything else is kept for its journal, and goes on answering as long as its head is there.
    """
    if not has_identity:
        return max(spec.journal_retention_ms, least_ms), spec.journal_retention_ms, None
    answers_ms = spec.completion_retention_ms
    kept_ms = max(answers_ms, least_ms)
    return kept_ms, min(spec.journal_retention_ms, answers_ms), answers_ms if answers_ms < kept_ms else None


async def expire(world: World, head: Head) -> None:
    """Let go of what a completed invocation, to which nothing is left to do, no longer has to keep."""
    now = world.clock.now_ms()
    assert head.completed_ms is not None
    if head.completed_ms + head.completion_retention_ms <= now:
        if await forget(world, head):
            await world.blobs.forget(head.id)
    elif is_over(head, now):
        await strip(world, head, Kept.NOTHING)
    else:
        await strip(world, head, Kept.OUTCOME)


async def strip(world: World, head: Head, kept: Kept) -> None:
    """Let go of the journal of a completed invocation, or of its outcome as well; repeated, it changes nothing.

    Values too large for a page go with their journal, unless the outcome is one: then they wait for the head.
    """
    output = await _output(world, head) if kept is Kept.OUTCOME else None
    if kept is Kept.OUTCOME and output is None and head.outcome_index is not None:
        # Somebody else has let go of the journal since the look at the head.
        return
    if kept is Kept.NOTHING:
        await _forget_key(world, head)
    if await world.store.strip(head.id, nonce=head.nonce, kept=kept, output=output) is None:
        return
    await world.store.retire(head.id, head=head, expires_ms=world.clock.now_ms(), is_thorough=True)
    if output is None or type_of(output) != REFERENCE_TYPE:
        await world.blobs.forget(head.id)


async def _output(world: World, head: Head) -> bytes | None:
    """Return the frame that the outcome is in as it is stored; None when the head itself says it, or it is gone."""
    if head.outcome_index is None:
        return None
    journal = await journal_of_stored(world, head.id)
    if journal is None or head.outcome_index >= len(journal.entries):
        return None
    (output,) = await spilled(world, head.id, (journal.entries[head.outcome_index],))
    return output


async def retire(world: World, head: Head, journal: Journal | None) -> None:
    """Let what an invocation has beside its head expire, once all that follows from its end is done.

    The head expires by itself. One with nothing else, and an id that nothing can ever get again, needs no look.
    """
    assert head.completed_ms is not None
    is_thorough = _needs_clearing(head)
    if is_thorough or _has_pages(head, journal) or (journal is not None and journal.is_noted):
        await world.store.retire(head.id, head=head, expires_ms=_journal_expires_ms(head), is_thorough=is_thorough)
    if head.kind is Kind.WORKFLOW:
        await world.store.retire_key(head.key_ref, expires_ms=answers_until_ms(head))


async def drop_late_note(world: World, invocation_id: str, head: Head | None) -> None:
    """Clear away the note that somebody wrote to an invocation which had ended.

    The other half of the look that `retire` takes: it sees the note, or its writer sees the completed head.
    """
    expires_ms = _journal_expires_ms(head) if head is not None else world.clock.now_ms()
    is_thorough = head is None or _needs_clearing(head)
    await world.store.retire(invocation_id, head=head, expires_ms=expires_ms, is_thorough=is_thorough)


async def forget(world: World, head: Head) -> bool:
    """Delete a completed invocation and return True, unless its id belongs to another by now."""
    await _forget_key(world, head)
    return await world.store.forget(head.id, nonce=head.nonce)


async def succeed(world: World, head: Head, predecessor: Head) -> bool:
    """Put a head in the place of a completed one that is over; False when somebody else has been faster."""
    await _forget_key(world, predecessor)
    return await world.store.succeed(head, nonce=predecessor.nonce)


async def _forget_key(world: World, head: Head) -> None:
    """Let go of the state and the promises of a workflow's key, which live as long as its run is remembered.

    Before the run itself goes: from then on the next one may be made, and what it writes is its own. Whoever stands
    still here, while others let go of the run and ask for the next, is refused when he goes on: the head is another's.
    Whoever dies here leaves a run without its state and promises, that is about to be over and has to be asked again.
    """
    if head.kind is Kind.WORKFLOW:
        await world.store.forget_key(head.key_ref, run_id=head.id, nonce=head.nonce)


def _needs_clearing(head: Head) -> bool:
    """Return whether what an invocation leaves behind has to be looked for.

    A new one under the same id would take notes of the old one for its own. A restarted one's first pages are older
    than its head, so that nothing is known of their time to live.
    """
    return head.idempotency_key is not None or head.kind is Kind.WORKFLOW or head.origin is not None


def _has_pages(head: Head, journal: Journal | None) -> bool:
    # A take-over may have claimed a page that stayed empty.
    if journal is None or head.attempts > 1:
        return head.page.closed
    return journal.slot.page > 1 or (journal.slot.count > 0 and journal.slot.page == 1)


def _journal_expires_ms(head: Head) -> int:
    # The outcome may be an entry of a later page.
    assert head.completed_ms is not None
    is_needed = head.outcome_index is not None
    return head.completed_ms + (head.completion_retention_ms if is_needed else head.journal_retention_ms)
