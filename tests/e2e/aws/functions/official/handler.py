"""A service with the official Python SDK, which knows nothing of Holdfast."""

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


handler = restate.app([tour])
