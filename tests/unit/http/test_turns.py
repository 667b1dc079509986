"""Giving way to others."""

from __future__ import annotations

import asyncio
import time

from holdfast_http.turns import Turns


async def test_who_reads_for_long_gives_way() -> None:
    """Others run while a long read goes on, though nothing in it waits; a short read is not interrupted."""
    others: list[int] = []

    async def other() -> None:
        while True:
            others.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    turns = Turns()
    await turns.give_way()
    assert others == []
    for _ in range(3):
        time.sleep(0.006)
        await turns.give_way()
    task.cancel()
    assert len(others) == 3
    assert turns.seconds > 0
