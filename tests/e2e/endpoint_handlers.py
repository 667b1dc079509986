"""Handlers that the tests of the HTTP invoker drive by hand; the same as in node/endpoint.mjs."""

from __future__ import annotations

import asyncio

import holdfast as restate

probe = restate.Service("Probe")
keyed = restate.VirtualObject("Keyed")


@probe.handler()
async def one_run(ctx: restate.Context, number: int) -> int:
    """Await one run."""
    return await ctx.run("s0", lambda: 0)


@probe.handler()
async def steps(ctx: restate.Context, count: int) -> int:
    """Await runs one after the other, and add up what they return."""
    total = 0
    for number in range(count):
        total += await ctx.run(f"s{number}", lambda number=number: number)
    return total


@probe.handler()
async def echo(ctx: restate.Context, text: str) -> str:
    """Return the input."""
    return text


@probe.handler()
async def hang(ctx: restate.Context, pause_ms: int) -> str:
    """Take a while inside of a run."""

    async def sleep() -> str:
        await asyncio.sleep(pause_ms / 1000)
        return "awake"

    return await ctx.run("hang", sleep)


@probe.handler()
async def boom(ctx: restate.Context) -> None:
    """Fail in a way that is retried."""
    raise ValueError("no luck")


@probe.handler()
async def refuse(ctx: restate.Context) -> None:
    """Fail for good."""
    raise restate.TerminalError("not today", status_code=409)


@keyed.handler()
async def who(ctx: restate.ObjectContext) -> str:
    """Return the key."""
    return ctx.key()


services = [probe, keyed]
