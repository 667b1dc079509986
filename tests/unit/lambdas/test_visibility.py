"""Messages in hand stay invisible for as long as somebody works on them, and hardly longer."""

from __future__ import annotations

import asyncio

from holdfast_aws.runtime.visibility import VISIBILITY_S_MAX, Heartbeat
from tests.support.virtual_time import VirtualClock, in_virtual_time
from tests.unit.lambdas.surroundings import QueueUnderTest


@in_virtual_time
async def test_messages_are_taken_for_less_than_a_minute_at_a_time() -> None:
    """From the first moment on every message is invisible for the seconds of one beat, and three beats overlap."""
    queue = QueueUnderTest(VirtualClock())
    start = queue.clock.now_ms()
    async with Heartbeat(queue, ["a", "b"], seconds=45):
        await asyncio.sleep(100)
    beats = [(at - start) // 1000 for at, _, _ in queue.changes]
    assert beats == [0, 15, 30, 45, 60, 75, 90]
    assert {(receipts, seconds) for _, receipts, seconds in queue.changes} == {(("a", "b"), 45)}


@in_virtual_time
async def test_a_put_back_message_is_left_alone() -> None:
    """Once a message has been put back, no beat takes it again."""
    queue = QueueUnderTest(VirtualClock())
    async with Heartbeat(queue, ["a", "b"], seconds=45) as heartbeat:
        await asyncio.sleep(20)
        await heartbeat.put_back("a", seconds=7)
        await asyncio.sleep(60)
    after = queue.changes[queue.changes.index(next(each for each in queue.changes if each[1:] == (("a",), 7))) + 1 :]
    assert after
    assert all(receipts == ("b",) for _, receipts, _ in after)


@in_virtual_time
async def test_a_beat_that_fails_is_followed_by_the_next() -> None:
    """Two beats may fail without the message getting visible."""
    queue = QueueUnderTest(VirtualClock(), failures=2)
    start = queue.clock.now_ms()
    async with Heartbeat(queue, ["a"], seconds=45):
        await asyncio.sleep(40)
    assert [(at - start) // 1000 for at, _, _ in queue.changes] == [30]


@in_virtual_time
async def test_nothing_is_under_way_when_the_event_ends() -> None:
    """A beat that has begun is over before the event is: a frozen process would send it when it thaws."""
    ended: list[str] = []

    class Slow(QueueUnderTest):
        async def change(self, receipts: object, *, seconds: int) -> None:
            await asyncio.sleep(3)
            ended.append("beat")

    async with Heartbeat(Slow(VirtualClock()), ["a"], seconds=45):
        await asyncio.sleep(1)
    assert ended == ["beat"]


@in_virtual_time
async def test_a_time_beyond_what_sqs_takes_is_cut() -> None:
    """A message put back for days comes early, to be put back again."""
    queue = QueueUnderTest(VirtualClock())
    async with Heartbeat(queue, ["a"], seconds=45) as heartbeat:
        await heartbeat.put_back("a", seconds=10**6)
        await heartbeat.put_back("a", seconds=-5)
    assert [seconds for _, _, seconds in queue.changes if seconds != 45] == [VISIBILITY_S_MAX, 0]
