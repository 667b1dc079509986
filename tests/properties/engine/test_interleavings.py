"""Any interleaving of what goes on in one process: each operation of the store may take its time.

The embedded store answers at once; one behind a network does not. Every scene of the failing processes is played with
pauses drawn for each operation, several of them side by side.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast_local.sqlite_store import SqliteStore
from tests.support.engine_world import EngineUnderTest, Script
from tests.support.virtual_time import in_virtual_time
from tests.unit.engine.test_fragile_processes import SCENES, check_all


class SlowStore:
    """A store that takes its time, before and after each operation, as the dice say."""

    def __init__(self, inner: SqliteStore, dice: random.Random) -> None:
        self._inner = inner
        self._dice = dice

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._inner, name)

        async def slow(*args: Any, **kwargs: Any) -> Any:
            await self._pause()
            result = await operation(*args, **kwargs)
            await self._pause()
            return result

        return slow

    async def _pause(self) -> None:
        for _ in range(self._dice.choice((0, 0, 1, 3))):
            await asyncio.sleep(0)
        if self._dice.random() < 0.1:
            await asyncio.sleep(self._dice.random() / 50)


@given(st.sampled_from(sorted(SCENES)), st.integers(0, 2**32))
@settings(max_examples=150)
def test_a_slow_store_changes_nothing(name: str, seed: int) -> None:
    """However its operations interleave, each scene ends as it must."""
    dice = random.Random(seed)

    @in_virtual_time
    async def play() -> None:
        scene = SCENES[name]()
        script = Script(takes=scene.takes, handlers=dict(scene.handlers))

        def slow(inner: SqliteStore) -> Any:
            return SlowStore(inner, dice)

        async with EngineUnderTest(script=script, store=slow) as e:
            # Two clients ask for the same; a client that cancels or kills does so twice.
            await asyncio.gather(scene.play(e), scene.play(e))
            await e.rest(120)
            await check_all(scene, e)

    play()
