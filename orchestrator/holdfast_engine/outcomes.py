"""The outcome of an invocation that has completed."""

from __future__ import annotations

from holdfast_engine.load import journal_of_stored
from holdfast_engine.records import Failure, Head, Kept, Outcome
from holdfast_engine.wire import outcome_of
from holdfast_engine.world import World

# What is left to say when the journal that held the result is gone.
GONE = Outcome(failure=Failure(code=410, message="the result is no longer kept"))


async def outcome_of_head(world: World, head: Head) -> Outcome:
    """Return how a completed invocation ended: from its head, or the Output entry its head points to."""
    if head.outcome is not None:
        return head.outcome
    if head.kept is Kept.NOTHING:
        return GONE
    assert head.outcome_index is not None, f"{head.id} completed without an outcome"
    journal = await journal_of_stored(world, head.id)
    if journal is None or head.outcome_index >= len(journal.entries):
        return GONE
    return outcome_of(journal.entries[head.outcome_index])
