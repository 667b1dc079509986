"""Services whose every effect is counted, for servers whose store is in trouble."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import holdfast

# How often each step's closure has ended, by its name; what is doubled shows here.
done: Counter[str] = Counter()

flow = holdfast.Service("Flow")
tally = holdfast.VirtualObject("Tally")
run = holdfast.Workflow("Run")


async def note(name: str) -> str:
    """Count a step."""
    done[name] += 1
    return name


@flow.handler()
async def leaf(ctx: holdfast.Context, name: str) -> str:
    """Do one step."""
    return await ctx.run_typed("leaf", note, name=f"{name}/leaf")


@flow.handler()
async def tree(ctx: holdfast.Context, name: str) -> list[str]:
    """Do steps, sleep, call two handlers at once, add to a key, and tell another one by a message."""
    results = [await ctx.run_typed("step", note, name=f"{name}/{number}") for number in range(4)]
    await ctx.sleep(timedelta(milliseconds=20))
    children = [ctx.service_call(leaf, f"{name}/child-{number}") for number in range(2)]
    results += [await child for child in await holdfast.gather(*children)]
    results.append(str(await ctx.object_call(add, key="hot", arg=1)))
    ctx.object_send(add, key=name, arg=5)
    return results[:-1]


@tally.handler()
async def add(ctx: holdfast.ObjectContext, amount: int) -> int:
    """Add to a key's count."""
    count = (await ctx.get("count", type_hint=int) or 0) + amount
    ctx.set("count", count)
    return count


@tally.handler(kind="shared")
async def count(ctx: holdfast.ObjectSharedContext) -> int:
    """Return a key's count."""
    return await ctx.get("count", type_hint=int) or 0


@run.main()
async def main(ctx: holdfast.WorkflowContext, name: str) -> str:
    """Wait for somebody to say the word."""
    return f"{name}: {await ctx.promise('word', type_hint=str).value()}"


@run.handler()
async def say(ctx: holdfast.WorkflowSharedContext, word: str) -> None:
    """Say it."""
    await ctx.promise("word", type_hint=str).resolve(word)


services = [flow, tally, run]
