"""Objects that show whether one key really has one writer, in order."""

from __future__ import annotations

import holdfast as restate

counter = restate.VirtualObject("Counter")


@counter.handler()
async def add(ctx: restate.ObjectContext, amount: int) -> int:
    """Add to the count and return it."""
    count = (await ctx.get("count", type_hint=int) or 0) + amount
    ctx.set("count", count)
    return count


@counter.handler(kind="shared")
async def get(ctx: restate.ObjectSharedContext) -> int:
    """Return the count."""
    return await ctx.get("count", type_hint=int) or 0


arrivals = restate.VirtualObject("Arrivals")


@arrivals.handler()
async def arrive(ctx: restate.ObjectContext, name: str) -> int:
    """Write down who came; return the place in the order."""
    names = await ctx.get("names", type_hint=list[str]) or []
    names.append(name)
    ctx.set("names", names)
    return len(names)


@arrivals.handler(kind="shared")
async def arrived(ctx: restate.ObjectSharedContext) -> list[str]:
    """Return everybody in the order in which they came."""
    return await ctx.get("names", type_hint=list[str]) or []


services = [counter, arrivals]
