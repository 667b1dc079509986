"""Services for a cloud in trouble, beside those of `tests.support.troubled`: what they carry is large."""

from __future__ import annotations

from datetime import timedelta

import holdfast
from tests.support import troubled

bulk = holdfast.Service("Bulk")
chest = holdfast.VirtualObject("Chest")

# Beyond what DynamoDB takes in a page, in an item of state, and altogether in an item.
LARGE, BULKY, HUGE = 150_000, 20_000, 380_000


async def make(size: int) -> str:
    """Return a value of some size."""
    return "x" * size


@bulk.handler()
async def carry(ctx: holdfast.Context, name: str) -> int:
    """Make something large, wait, and see that it is still there."""
    made = await ctx.run_typed("make", make, size=LARGE)
    await ctx.sleep(timedelta(milliseconds=20))
    await ctx.object_call(fill, key=name, arg=BULKY)
    await ctx.object_call(fill, key=name, arg=HUGE)
    return len(made) + await ctx.object_call(fill, key=name, arg=BULKY)


@chest.handler()
async def fill(ctx: holdfast.ObjectContext, size: int) -> int:
    """Replace what is in the chest, and return the size of what was."""
    before = await ctx.get("content", type_hint=str) or ""
    ctx.set("content", "x" * size)
    ctx.set("fillings", (await ctx.get("fillings", type_hint=int) or 0) + 1)
    return len(before)


@chest.handler(kind="shared")
async def fillings(ctx: holdfast.ObjectSharedContext) -> int:
    """Return how often it was filled."""
    return await ctx.get("fillings", type_hint=int) or 0


services = [*troubled.services, bulk, chest]
