"""Finding an invocation that somebody names: one whose retention is over is as unknown as one that never was."""

from __future__ import annotations

from holdfast_engine.errors import UnknownInvocation
from holdfast_engine.records import Head
from holdfast_engine.retention import is_over
from holdfast_engine.world import World


async def existing(world: World, invocation_id: str) -> Head:
    """Return the head of an invocation.

    Raises:
        UnknownInvocation: There is none of that id, or none any more.
    """
    head = await world.store.head(invocation_id)
    if head is None or is_over(head, world.clock.now_ms()):
        raise UnknownInvocation(f"there is no invocation {invocation_id}: it never was, or its retention is over")
    return head
