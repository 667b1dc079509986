"""The handlers that are measured: each does as little as the case needs."""

from __future__ import annotations

from datetime import timedelta

import holdfast

# The write budget is promised for results of about this size.
RESULT = "x" * 98

bench = holdfast.Service("Bench")


async def act() -> str:
    """Be a step that costs nothing."""
    return RESULT


@bench.handler()
async def empty(ctx: holdfast.Context, text: str) -> str:
    """Do nothing."""
    return text


@bench.handler()
async def steps(ctx: holdfast.Context, count: int) -> int:
    """Run steps one after the other."""
    for _ in range(count):
        await ctx.run_typed("step", act)
    return count


@bench.handler()
async def gathered_steps(ctx: holdfast.Context, count: int) -> int:
    """Run steps side by side."""
    await holdfast.gather(*[ctx.run_typed("step", act) for _ in range(count)])
    return count


@bench.handler()
async def fan_out(ctx: holdfast.Context, count: int) -> int:
    """Call a handler many times at once and wait for all."""
    await holdfast.gather(*[ctx.service_call(empty, "child") for _ in range(count)])
    return count


@bench.handler()
async def parent(ctx: holdfast.Context, text: str) -> str:
    """Call one handler and wait."""
    return await ctx.service_call(empty, text[:98])


@bench.handler()
async def nap(ctx: holdfast.Context, milliseconds: int) -> int:
    """Sleep."""
    await ctx.sleep(timedelta(milliseconds=milliseconds))
    return milliseconds


@bench.handler()
async def resumed(ctx: holdfast.Context, resumes: int) -> int:
    """Journal 500 entries, then suspend and be resumed; each resume replays them all."""
    for _ in range(250):
        await ctx.run_typed("step", act)
    for _ in range(resumes):
        await ctx.sleep(timedelta(milliseconds=5))
    return resumes


tally = holdfast.VirtualObject("Tally")


@tally.handler()
async def add(ctx: holdfast.ObjectContext, amount: int) -> int:
    """Add to a key's count."""
    count = (await ctx.get("count", type_hint=int) or 0) + amount
    ctx.set("count", count)
    return count


services = [bench, tally]
