"""Parallel work: fan out over durable calls and steps, gather what they return.

Every branch is durable by itself: after a crash only the branches that were not finished go on.

    holdfast dev examples.parallel_work:services

    curl localhost:8080/WordCount/count --json '{"texts": ["to be or not to be", "that is the question"]}'
    curl localhost:8080/WordCount/fastest --json '["slow", "quick"]'
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class Texts(BaseModel):
    """What to count words in."""

    texts: list[str]


def words_in(text: str) -> int:
    """Count the words of a text."""
    outside.happened(f"counted the words of {text!r}")
    return len(text.split())


word_count = restate.Service("WordCount")


@word_count.handler()
async def count_one(ctx: restate.Context, text: str) -> int:
    """Count the words of one text."""
    return await ctx.run_typed("count", words_in, text=text)


@word_count.handler()
async def count(ctx: restate.Context, request: Texts) -> int:
    """Count the words of all texts, each text by an invocation of its own."""
    calls = [ctx.service_call(count_one, text) for text in request.texts]
    await restate.gather(*calls)
    return sum([await call for call in calls])


@word_count.handler()
async def count_in_steps(ctx: restate.Context, request: Texts) -> int:
    """Count the words of all texts, each text by a step of this invocation; the steps execute side by side."""
    steps = [ctx.run_typed(f"count {index}", words_in, text=text) for index, text in enumerate(request.texts)]
    await restate.gather(*steps)
    return sum([await step for step in steps])


@word_count.handler()
async def fastest(ctx: restate.Context, names: list[str]) -> str:
    """Return the name whose timer fires first; "slow" ones take longer."""
    timers = {name: ctx.sleep(timedelta(milliseconds=2000 if name == "slow" else 100)) for name in names}
    name, _ = await restate.select(**timers)
    return str(name)


services = [word_count]
