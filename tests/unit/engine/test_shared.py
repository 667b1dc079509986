"""Work is shared by those who asked before it began, and by nobody else."""

from __future__ import annotations

import asyncio

import pytest

from holdfast_engine.shared import Shared
from tests.support.virtual_time import in_virtual_time


class Work:
    """Takes a second each time, and fails when told to."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.failing = 0

    async def __call__(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1)
        if self.failing:
            self.failing -= 1
            raise ConnectionError


@in_virtual_time
async def test_whoever_asks_meanwhile_shares_the_next_turn() -> None:
    """Ten who ask during a turn need one more turn between them, which begins after they asked."""
    shared, work = Shared(), Work()
    first = asyncio.create_task(shared.do("a", work))
    await asyncio.sleep(0.5)
    await asyncio.gather(*[shared.do("a", work) for _ in range(10)])
    assert first.done()
    assert len(work.began) == 2


@in_virtual_time
async def test_names_do_not_wait_for_each_other() -> None:
    """Work of two names goes on at once."""
    shared, work = Shared(), Work()
    await asyncio.gather(shared.do("a", work), shared.do("b", work))
    assert work.began[0] == work.began[1]


@in_virtual_time
async def test_a_turn_that_fails_is_nobody_elses() -> None:
    """When a turn fails its caller hears of it, and the next in line has one of his own."""
    shared, work = Shared(), Work()
    work.failing = 1
    outcomes = await asyncio.gather(*[shared.do("a", work) for _ in range(3)], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, type(None), type(None)]
    assert len(work.began) == 2


@in_virtual_time
async def test_a_turn_that_is_cut_off_does_not_count() -> None:
    """Who waits behind a caller that is cancelled gets the work done all the same."""
    shared, work = Shared(), Work()
    first = asyncio.create_task(shared.do("a", work))
    second = asyncio.create_task(shared.do("a", work))
    await asyncio.sleep(0.5)
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(work.began) == 2
