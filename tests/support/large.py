"""Services that go to the limits: of items, of journals, of state and of fan-outs."""

from __future__ import annotations

import holdfast

large = holdfast.Service("Large")
store = holdfast.VirtualObject("Store")


async def make(size: int) -> str:
    """Return a value of some size."""
    return "x" * size


@large.handler()
async def steps(ctx: holdfast.Context, request: dict) -> int:
    """Run so many steps whose results have so many bytes; suspend once, so that all of them are read again."""
    total = 0
    for number in range(request["count"]):
        total += len(await ctx.run_typed(f"step-{number}", make, size=request["size"]))
    await ctx.service_call(echo, "")
    return total


@large.handler()
async def echo(ctx: holdfast.Context, text: str) -> str:
    """Return what came."""
    return text


@large.handler()
async def fan_out(ctx: holdfast.Context, count: int) -> int:
    """Call as many handlers at once, and add up what they return."""
    calls = [ctx.service_call(echo, str(number)) for number in range(count)]
    return sum([int(await call) for call in await holdfast.gather(*calls)])


@store.handler()
async def keep(ctx: holdfast.ObjectContext, request: dict) -> int:
    """Keep so many values of so many bytes, and return how much the key keeps altogether."""
    for number in range(request["count"]):
        ctx.set(f"{request['prefix']}{number}", "v" * request["size"])
    return 0


@store.handler()
async def clear(ctx: holdfast.ObjectContext) -> int:
    """Keep nothing any more."""
    ctx.clear_all()
    return 0


@store.handler(kind="shared")
async def kept(ctx: holdfast.ObjectSharedContext) -> int:
    """Return how many characters the key keeps."""
    return sum([len(await ctx.get(name, type_hint=str) or "") for name in await ctx.state_keys()])


services = [large, store]
