"""Invocations of ten steps with sleeps, calls and sends, which tell a log outside when each step begins and ends.

HOLDFAST_TEST_LOG names the log. A line is one write, so that lines of several threads, and of the processes before and
after a kill, never mix.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta

import holdfast as restate

STEPS = 10

# Long enough for kills to fall into steps, short enough for a hundred rounds.
_STEP_S = 0.002
_NAP = timedelta(milliseconds=30)


def tell(name: str, step: int, what: str) -> None:
    """Append one line to the log, in one write."""
    log = os.open(os.environ["HOLDFAST_TEST_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(log, f"{name} {step} {what}\n".encode())
    finally:
        os.close(log)


def step(name: str, number: int) -> int:
    """Take some time, and tell when it began and when it was over."""
    tell(name, number, "begin")
    time.sleep(_STEP_S)
    tell(name, number, "end")
    return number


ledger = restate.VirtualObject("Ledger")


@ledger.handler()
async def book(ctx: restate.ObjectContext, amount: int) -> int:
    """Add an amount and return the total."""
    total = (await ctx.get("total", type_hint=int) or 0) + amount
    ctx.set("total", total)
    return total


@ledger.handler(kind="shared")
async def total(ctx: restate.ObjectSharedContext) -> int:
    """Return the total."""
    return await ctx.get("total", type_hint=int) or 0


work = restate.Service("Work")


@work.handler()
async def twice(ctx: restate.Context, number: int) -> int:
    """Return twice the number."""
    return await ctx.run_typed("double", lambda: 2 * number)


@work.handler()
async def ten_steps(ctx: restate.Context, name: str) -> int:
    """Do ten steps, with two sleeps, two calls and a send in between; return the sum of what they returned."""
    account = name[-1]
    done = 0
    for number in range(STEPS):
        done += await ctx.run_typed(f"step {number}", step, name=name, number=number)
        if number in {2, 6}:
            await ctx.sleep(_NAP)
        elif number == 4:
            await ctx.object_call(book, f"called-{account}", 1)
        elif number == 5:
            done += await ctx.service_call(twice, number)
        elif number == 8:
            ctx.object_send(book, f"sent-{account}", 1)
    return done


services = [ledger, work]
