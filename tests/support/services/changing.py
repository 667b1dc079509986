"""Handlers whose code differs between two starts: HOLDFAST_TEST_VERSION says which code is served."""

from __future__ import annotations

import os
from datetime import timedelta

import holdfast as restate
from tests.support.services.work import tell

STEP = {"old": "weigh", "new": "measure"}[os.environ.get("HOLDFAST_TEST_VERSION", "old")]

changing = restate.Service("Changing")

_OFTEN = restate.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=200), exponentiation_factor=1.0)
_TWICE = restate.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=100), max_attempts=2)


@changing.handler(invocation_retry_policy=_OFTEN)
async def patient(ctx: restate.Context, name: str) -> str:
    """Do a step, wait for somebody, return both."""
    return await _step_and_wait(ctx, name)


@changing.handler(invocation_retry_policy=_TWICE)
async def impatient(ctx: restate.Context, name: str) -> str:
    """Do the same, and pause after the second failed attempt."""
    return await _step_and_wait(ctx, name)


async def _step_and_wait(ctx: restate.Context, name: str) -> str:
    result = await ctx.run_typed(STEP, lambda: f"{name} {STEP}ed")
    token, said = ctx.awakeable(type_hint=str)
    await ctx.run_typed("tell", lambda: tell(name, 0, token))
    return f"{result}, {await said}"


services = [changing]
