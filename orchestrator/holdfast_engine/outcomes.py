"""The outcome of an invocation that has completed."""

from __future__ import annotations

from holdfast_engine.journal import Journal
from holdfast_engine.keys import held_key, leave
from holdfast_engine.load import journal_of, journal_of_stored
from holdfast_engine.ports import Fenced
from holdfast_engine.records import Failure, Head, Kept, Outcome
from holdfast_engine.state import NO_WRITES, fold
from holdfast_engine.wire import outcome_of
from holdfast_engine.world import World

# What is left to say when the journal that held the result is gone.
GONE = Outcome(failure=Failure(code=410, message="the result is no longer kept"))


async def outcome_of_head(world: World, head: Head) -> Outcome:
    """Return how a completed invocation ended: from its head, or the Output entry its head points to.

    Whoever is told so finds the state that it has left.
    """
    await _write_state(world, head)
    if head.outcome is not None:
        return head.outcome
    # Its journal may be let go of between the look at the head and the look at the entry, and the head then points to
    # another: what a journal leaves behind is its outcome first, then nothing, so that two looks more suffice.
    for _ in Kept:
        if head.kept is Kept.NOTHING:
            return GONE
        assert head.outcome_index is not None, f"{head.id} completed without an outcome"
        loaded = await world.store.load(head.id, epoch=None)
        if loaded is None or isinstance(loaded, Fenced) or loaded.head.nonce != head.nonce:
            return GONE
        head = loaded.head
        journal = await journal_of(world, head, loaded.pages, ())
        outcome = outcome_in(head, journal)
        if outcome is not None:
            return outcome
    return GONE


def outcome_in(head: Head, journal: Journal) -> Outcome | None:
    """Return how a completed invocation ended, if its head and its journal, read together, say so."""
    if head.outcome is not None:
        return head.outcome
    if head.outcome_index is None or head.outcome_index >= len(journal.entries):
        return None
    return outcome_of(journal.entries[head.outcome_index])


async def _write_state(world: World, head: Head) -> None:
    """Give the key back, with the last state, in the place of whoever has completed the invocation and does so later.

    A turn ends with n = 1 and its process dies, or is slow. Its client looks at the head, is told, and asks a shared
    handler, which reads n from the lock: none.
    """
    if not head.kind.holds_key or head.is_killed or head.kept is not Kept.JOURNAL or world.performed.is_settled(head):
        return
    key = await held_key(world, head)
    if key is None:
        return
    writes = NO_WRITES
    if key.ticket == head.ticket and (journal := await journal_of_stored(world, head.id)) is not None:
        writes = fold(journal.entries[key.applied + 1 :])
    await leave(world, head, ticket=head.ticket, writes=writes)
