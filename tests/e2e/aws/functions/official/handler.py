"""Services with the official Python SDK, which knows nothing of Holdfast."""

import os
from datetime import timedelta

import restate

tour = restate.Service("PythonTour")


@tour.handler()
async def visit(ctx: restate.Context, stops: int) -> list[str]:
    """Take some steps, sleep, and call a handler that another SDK serves."""
    seen = [await ctx.run_typed(f"stop-{number}", _stop, number=number) for number in range(stops)]
    await ctx.sleep(timedelta(milliseconds=50))
    doubled = await ctx.generic_call("Work", "twice", str(stops).encode())
    return [*seen, f"twice as many are {doubled.decode()}"]


def _stop(number: int) -> str:
    return f"stop {number}"


pinned = restate.Workflow("PythonPinned")


@pinned.main()
async def run(ctx: restate.WorkflowContext) -> list[str]:
    """Say which code it is, wait to be told to go on, and say so again."""
    before = os.environ["REVISION"]
    await ctx.promise("go", type_hint=bool).value()
    return [before, os.environ["REVISION"]]


@pinned.handler()
async def go(ctx: restate.WorkflowSharedContext) -> None:
    """Let the run go on."""
    await ctx.promise("go", type_hint=bool).resolve(True)


handler = restate.app([tour, pinned])
