"""Who has the outcome of a call to a key finds what the call has written."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, Hooked, answers
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_the_outcome_comes_behind_the_state() -> None:
    """A caller is told when the state is in, however long the store takes to write it."""
    async with EngineUnderTest(store=Hooked) as e:

        async def take_long(*_: object, **__: object) -> None:
            await asyncio.sleep(5)

        cast("Hooked", e.store).hooks["before_leave"] = take_long
        e.script["O/add"] = answers([f.set_state("n", b"1"), f.output(), f.END])
        e.script["O/get"] = answers([f.output(), f.END])
        await e.call("O/k/add")
        await e.call("O/k/get")
        assert e.script.attempts[-1].state == {"n": b"1"}
