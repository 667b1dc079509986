"""Handing over: a checkpoint may ask for the attempt to end before its next closure, to go on at once in another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from holdfast import Context, gather
from holdfast_protocol import schema_pb2 as pb
from tests.support.journals import FakeCheckpoint, Journal


class EndingAfter(FakeCheckpoint):
    """Wants the attempt to end once it has appended so often, to go on from the first step's result."""

    def __init__(self, appends: int) -> None:
        super().__init__()
        self._left = appends

    async def append(self, frames: Sequence[bytes]) -> bool:
        self._left -= 1
        if self._left <= 0:
            self.handover_to = 1
        return await super().append(frames)


@pytest.mark.parametrize("version", [5, 6, 7])
async def test_an_attempt_ends_before_its_next_closure(version: int) -> None:
    """No closure starts any more; the answer waits for what is stored, and the next attempt goes on from there."""
    executed: list[int] = []

    def step(number: int) -> int:
        executed.append(number)
        return number

    async def handler(ctx: Context) -> int:
        return sum([await ctx.run_typed(f"step {number}", step, number=number) for number in range(4)])

    journal = Journal(handler, version=version)
    attempted = await journal.attempt(EndingAfter(2))
    assert executed == [0, 1]
    assert attempted.kinds == ["Suspension"]
    terminator = attempted.terminator
    assert isinstance(terminator, pb.Suspension)
    waiting = terminator.awaiting_on if version == 7 else terminator
    assert (list(waiting.waiting_completions), list(waiting.waiting_signals)) == ([1], [])
    assert (await journal.live()).output == b"6"
    assert executed == [0, 1, 2, 3]


async def test_what_is_executing_is_waited_for() -> None:
    """Closures that execute when the attempt hands over come to their end, and their results are not lost."""
    release = asyncio.Event()

    async def slow() -> str:
        await release.wait()
        return "slow"

    async def quick() -> str:
        asyncio.get_running_loop().call_later(0.02, release.set)
        return "quick"

    async def handler(ctx: Context) -> list[str]:
        first = ctx.run_typed("slow", slow)
        second = ctx.run_typed("quick", quick)
        done, _ = await _either(first, second)
        return [await ctx.run_typed("after", quick), *await gather(first, second), done]

    async def _either(*futures):  # type: ignore[no-untyped-def]  # a helper of the test
        from holdfast import wait_completed

        done, pending = await wait_completed(*futures)
        return await done[0], pending

    journal = Journal(handler)
    attempted = await journal.attempt(EndingAfter(1))
    assert isinstance(attempted.terminator, pb.Suspension)
    results = [raw for raw in journal.entries if b"slow" in raw]
    assert len(results) == 2, "the command's name and the result"


async def test_the_last_step_is_not_the_reason_for_another_attempt() -> None:
    """An attempt whose closures have all been started ends as it would have, however little time is left."""

    async def step() -> int:
        return 1

    async def handler(ctx: Context) -> int:
        return await ctx.run_typed("first", step) + await ctx.run_typed("last", step)

    checkpoint = EndingAfter(2)
    attempted = await Journal(handler).attempt(checkpoint)
    assert attempted.output == b"2"
