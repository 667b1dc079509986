"""The reference run: ten steps of half a kilobyte one after the other, one sleep, and one call of a child."""

from __future__ import annotations

from datetime import timedelta

import holdfast

# With the quotes of JSON.
RESULT = "x" * 510

reference = holdfast.Service("Reference")


def act() -> str:
    """Be a step that costs nothing."""
    return RESULT


@reference.handler()
async def child(ctx: holdfast.Context, text: str) -> str:
    """Take one step."""
    return (await ctx.run_typed("step", act))[: len(text)]


@reference.handler()
async def run(ctx: holdfast.Context, text: str) -> str:
    """Take ten steps, sleep, and have a child take one."""
    for _ in range(10):
        await ctx.run_typed("step", act)
    await ctx.sleep(timedelta(minutes=10))
    return await ctx.service_call(child, text)
