"""Limits under any interleaving of a slow store, with processes that die anywhere: never too many, and all end."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast_engine.engine import Submission
from holdfast_engine.records import Status, Target
from holdfast_engine.rule_changes import Upsert, upsert_rules
from holdfast_local.sqlite_store import SqliteStore
from holdfast_protocol.messages import MessageType
from tests.properties.engine.test_interleavings import SlowStore
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Script
from tests.support.virtual_time import EPOCH_MS, in_virtual_time

LIMITS = {"t": 3, "t/a": 2, "t/a/x": 1}
LIMIT_KEYS = (None, "a", "a/x", "a/y", "b")
# Far more than all of them take one by one, looks at the line after each crash included.
_PATIENCE_S = 1_800


class Counted:
    """A handler that sleeps between two attempts or fails now and then, and counts who is at work under each limit."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.at_work: dict[str, str | None] = {}
        self.worst: dict[str, int] = {}

    async def __call__(self, attempt: Attempt) -> list[bytes]:
        """Work, then sleep, fail or end."""
        start = attempt.request.start
        self.at_work[start.debug_id] = start.limit_key if start.HasField("limit_key") else None
        self._look()
        try:
            await asyncio.sleep(self._dice.random())
        finally:
            self.at_work.pop(start.debug_id, None)
        if self._dice.random() < 0.2:
            return [f.error(500, "again", next_retry_delay=10)]
        if MessageType.SLEEP in attempt.types:
            return [f.output(b"done"), f.END]
        # Of late sleeps some are over before they begin.
        return [f.sleep(1, EPOCH_MS + self._dice.randrange(4_000)), f.suspension(1)]

    def _look(self) -> None:
        for pattern in LIMITS:
            counter = pattern.removeprefix("t").removeprefix("/")
            count = sum(_counts(counter, limit_key) for limit_key in self.at_work.values())
            self.worst[pattern] = max(self.worst.get(pattern, 0), count)


def _counts(counter: str, limit_key: str | None) -> bool:
    return not counter or (limit_key is not None and f"{limit_key}/".startswith(f"{counter}/"))


@given(st.integers(0, 2**32), st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_limits_hold_and_everything_ends(seed: int, crashes: int) -> None:
    """Under each limit never more are at work than it allows, all end, and then no permit is out."""
    dice = random.Random(seed)
    counted = Counted(dice)

    def slow(inner: SqliteStore) -> Any:
        return SlowStore(inner, dice)

    @in_virtual_time
    async def play() -> None:
        e = EngineUnderTest(script=Script(handlers={"S/work": counted, "O/add": counted}), store=slow)
        await e.__aenter__()
        await upsert_rules(e.world, [_rule(pattern, most) for pattern, most in LIMITS.items()])
        sent = [await _send(e, dice) for _ in range(12)]
        for _ in range(crashes):
            await e.rest(dice.random() * 3)
            await e.crash()
            counted.at_work.clear()
            e = e.restarted(store=slow)
            e.world.rules = await e.inner.rules()
            await e.__aenter__()
        await e.rest(_PATIENCE_S)
        assert [await e.status(each) for each in sent] == [Status.COMPLETED] * len(sent)
        assert all(counted.worst[pattern] <= most for pattern, most in LIMITS.items()), counted.worst
        assert (await e.inner.permits("t")).out == ()
        await e.crash()

    play()


def _rule(pattern: str, concurrency: int) -> Upsert:
    return Upsert(pattern=pattern, concurrency=concurrency, description=None, is_disabled=False, condition=None)


async def _send(e: EngineUnderTest, dice: random.Random) -> str:
    is_keyed = dice.random() < 0.4
    target = Target(
        service="O" if is_keyed else "S",
        key=dice.choice("kl") if is_keyed else None,
        handler="add" if is_keyed else "work",
        scope="t",
    )
    submission = Submission(
        target=target,
        headers=(),
        body=b"1",
        idempotency_key=None,
        invoke_at_ms=None,
        limit_key=dice.choice(LIMIT_KEYS),
    )
    return (await e.engine.send(submission)).invocation_id
