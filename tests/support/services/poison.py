"""Services that cannot swallow poison: each try of it fails, three times and then no more.

HOLDFAST_TEST_LOG names the log in which every look at something is told.
"""

from __future__ import annotations

from datetime import timedelta

import holdfast
from tests.support.services.work import tell

TRIES = 3

policy = holdfast.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=10), max_attempts=TRIES)
desk = holdfast.Service("Desk", invocation_retry_policy=policy)
till = holdfast.VirtualObject("Till", invocation_retry_policy=policy)


@desk.handler()
async def take(ctx: holdfast.Context, what: str) -> str:
    """Take what is no poison."""
    return await ctx.run_typed("look", look, what=what)


@till.handler()
async def put(ctx: holdfast.ObjectContext, what: str) -> str:
    """Take what is no poison, one after the other."""
    return await ctx.run_typed("look", look, what=what)


def look(what: str) -> str:
    """Look at something, and fail if it is poison."""
    tell(what, 0, "looked")
    if what.startswith("poison"):
        raise ValueError(f"{what} cannot be swallowed")
    return what


services = [desk, till]
