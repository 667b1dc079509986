"""Purging: an operator lets go of an invocation that has ended before its retention does."""

from __future__ import annotations

from holdfast_engine.advance import advance
from holdfast_engine.errors import WrongState
from holdfast_engine.existing import existing
from holdfast_engine.records import Head, Kept, Status
from holdfast_engine.retention import strip
from holdfast_engine.world import World


async def purge(world: World, invocation_id: str) -> None:
    """Forget an invocation that has ended, with its outcome; of a workflow's run, state and promises as well.

    Raises:
        UnknownInvocation: There is none of that id.
        WrongState: It has not ended.
    """
    await strip(world, await _ended(world, invocation_id), Kept.NOTHING)


async def purge_journal(world: World, invocation_id: str) -> None:
    """Forget how an invocation came to its outcome; a second time changes nothing.

    Raises:
        UnknownInvocation: There is none of that id.
        WrongState: It has not ended.
    """
    await strip(world, await _ended(world, invocation_id), Kept.OUTCOME)


async def _ended(world: World, invocation_id: str) -> Head:
    head = await existing(world, invocation_id)
    if head.status is not Status.COMPLETED:
        raise WrongState(f"{invocation_id} has not ended; cancel or kill it first")
    # What follows from its end is done from its journal: all of it, before that goes.
    await advance(world, invocation_id, expected_until_ms=0)
    return await existing(world, invocation_id)
