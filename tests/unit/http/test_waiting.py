"""Waiting for invocations: bounded, and without a hold on what is waited for."""

from __future__ import annotations

import asyncio

import pytest

from holdfast_http.waiting import Overloaded, Stopping, WaitingRoom


async def test_who_waits_gets_the_result() -> None:
    """The result and the exception of the work reach the one who waits."""
    room = WaitingRoom(waiting_max=1)

    async def fail() -> None:
        raise ValueError("no")

    assert await room.wait(asyncio.sleep(0, "yes")) == "yes"
    with pytest.raises(ValueError, match="no"):
        await room.wait(fail())
    assert room.count == 0


async def test_leaving_does_not_disturb_the_work() -> None:
    """When the one who waits is cancelled the work goes on to its end, and the place is free at once."""
    room = WaitingRoom(waiting_max=1)
    go_on, is_done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        is_done.set()

    waiting = asyncio.create_task(room.wait(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert room.count == 0
    go_on.set()
    await asyncio.wait_for(is_done.wait(), 5)


async def test_the_bound() -> None:
    """One more than the bound is refused, and its work does not begin."""
    room = WaitingRoom(waiting_max=1)
    go_on = asyncio.Event()
    began: list[str] = []

    async def work() -> None:
        began.append("second")

    first = asyncio.create_task(room.wait(go_on.wait()))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await room.wait(work())
    assert began == []
    go_on.set()
    assert await first
    await room.wait(work())


async def test_release() -> None:
    """Everybody who waits when the server stops is let go, and so is everybody who comes later."""
    room = WaitingRoom(waiting_max=5)
    never = asyncio.Event()
    waiting = [asyncio.create_task(room.wait(never.wait())) for _ in range(3)]
    await asyncio.sleep(0)
    room.release()
    for task in waiting:
        with pytest.raises(Stopping):
            await task
    with pytest.raises(Stopping):
        await room.wait(never.wait())
    await room.close()


async def test_work_that_is_cancelled() -> None:
    """When the work itself is cancelled, so is the waiting."""
    room = WaitingRoom(waiting_max=1)
    tasks: list[asyncio.Task[None]] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await asyncio.Event().wait()

    waiting = asyncio.create_task(room.wait(work()))
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
