"""Handlers that are called wrongly or answer wrongly, and one that shows how often it really ran."""

from __future__ import annotations

import asyncio
import os
import uuid

import holdfast as restate
from tests.support.services.work import tell

odd = restate.Service("Odd")


@odd.handler()
async def once(ctx: restate.Context, name: str) -> str:
    """Tell the log, take a while, and return something no second execution would return."""
    tell(name, 0, "begin")
    await ctx.run_typed("wait a little", _pause)
    return f"{name} {uuid.uuid4()} {os.getpid()}"


async def _pause() -> None:
    await asyncio.sleep(0.3)


@odd.handler()
async def size(ctx: restate.Context, text: str) -> int:
    """Return how long a text is."""
    return len(text)


@odd.handler()
async def unserialisable_result(ctx: restate.Context) -> object:
    """Return what no serde can write."""
    return object()


@odd.handler()
async def unserialisable_step(ctx: restate.Context) -> str:
    """Have a step return what no serde can write."""
    await ctx.run_typed("odd step", lambda: object())
    return "never"


@odd.handler(ingress_private=True)
async def private(ctx: restate.Context) -> str:
    """Be callable from handlers only."""
    return "inside"


services = [odd]
