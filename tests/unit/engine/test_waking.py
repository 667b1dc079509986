"""A note wakes only an invocation that can go on with it, and always one that can."""

from __future__ import annotations

import asyncio

import pytest

from holdfast_engine.journal import is_success, leaf_of
from holdfast_engine.records import Awaiting, Note, Outcome, Status
from holdfast_engine.trees import mentions, resolves_alone
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import decode_invocation_id, encode_awakeable_id
from holdfast_protocol.messages import MessageType, decode
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time

FIRST, ALL, ALL_OR_FAILURE = 1, 2, 4
VALUE = f.completion(MessageType.CALL_COMPLETION, 2, value=f.value(b"v"))
FAILED = f.completion(MessageType.CALL_COMPLETION, 2, failure=f.failure(500, "no"))


@pytest.mark.parametrize(
    ("awaiting", "frame", "is_resolved"),
    [
        (Awaiting(combinator=FIRST, completions=(1, 2)), VALUE, True),
        (Awaiting(combinator=FIRST, completions=(1, 3)), VALUE, False),
        (Awaiting(combinator=ALL, completions=(1, 2)), VALUE, False),
        (Awaiting(combinator=ALL_OR_FAILURE, completions=(1, 2)), FAILED, True),
        (Awaiting(combinator=ALL_OR_FAILURE, completions=(1, 2)), VALUE, False),
        (Awaiting(combinator=FIRST, nested=(Awaiting(combinator=ALL, completions=(2,)),)), VALUE, True),
    ],
)
def test_one_notification_may_be_enough(awaiting: Awaiting, frame: bytes, is_resolved: bool) -> None:
    """A tree is resolved by one notification exactly when no other could change that."""
    assert resolves_alone(awaiting, leaf_of(frame), is_success=is_success(frame)) is is_resolved


def test_a_leaf_is_found_however_deep() -> None:
    """Completions, signals and names of a tree are found in it, and no others."""
    tree = Awaiting(combinator=ALL, completions=(1,), nested=(Awaiting(combinator=FIRST, signals=(17,), names=("n",)),))
    assert all(mentions(tree, leaf) for leaf in (("c", 1), ("s", 17), ("n", "n")))
    assert not any(mentions(tree, leaf) for leaf in (("c", 17), ("s", 1), ("n", "m")))


@in_virtual_time
async def test_a_parent_of_many_is_woken_once() -> None:
    """Who waits for twenty children at once is taken up when the last one has ended, and nothing is created twice."""
    count = 20
    calls = [f.call("S", "child", (2 * number + 1, 2 * number + 2)) for number in range(count)]
    tree = pb.Future(
        waiting_completions=[2 * number + 2 for number in range(count)], combinator_type=pb.Future.ALL_COMPLETED
    )
    async with EngineUnderTest() as e:
        e.script["S/child"] = answers([f.output(), f.END])
        e.script["S/parent"] = answers([*calls, f.suspension_on(tree)], [f.output(), f.END])
        finished = await e.call("S/parent")
        assert len(e.script.of(finished.invocation_id)) == 2
        assert len(e.script.attempts) == 2 + count


@in_virtual_time
async def test_a_sleep_that_is_over_counts() -> None:
    """Who waits for a sleep and a signal goes on with the signal when the sleep ended long before."""
    tree = pb.Future(waiting_completions=[1], waiting_signals=[17], combinator_type=pb.Future.ALL_COMPLETED)
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.sleep(1, e.clock.now_ms() + 1_000), f.suspension_on(tree)], [f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(60)
        awakeable_id = encode_awakeable_id(decode_invocation_id(invocation_id), 17)
        await e.engine.complete_awakeable(awakeable_id, Outcome(value=b"s"))
        assert (await e.outcome(invocation_id)).value == b"ok"


async def _slow_child(attempt: Attempt) -> list[bytes]:
    """End after as many seconds as the input says."""
    (frame, *_) = attempt.request.entries
    message = decode(frame)
    assert isinstance(message, pb.InputCommand)
    await asyncio.sleep(int(message.value.content))
    return [f.output(), f.END]


@in_virtual_time
async def test_the_last_of_two_wakes_whoever_wrote_the_first() -> None:
    """A note that another process wrote is found by the one that comes last, though this process saw nothing of it."""
    calls = [f.call("S", "child", (1, 2), parameter=b"3600"), f.call("S", "child", (3, 4), parameter=b"5")]
    tree = pb.Future(waiting_completions=[2, 4], combinator_type=pb.Future.ALL_COMPLETED)
    async with EngineUnderTest() as e:
        e.script["S/child"] = _slow_child
        e.script["S/parent"] = answers([*calls, f.suspension_on(tree)], [f.output(), f.END])
        parent_id = await e.send("S/parent")
        await e.rest(1)
        # Its writer found the other one missing and left the look to that one's.
        assert await e.world.store.note(parent_id, Note(key="c#2", frame=VALUE))
        assert (await e.head(parent_id)).status is Status.SUSPENDED
        await e.rest(10)
        assert (await e.head(parent_id)).status is Status.COMPLETED


@in_virtual_time
async def test_a_sleep_is_no_note_to_wait_for() -> None:
    """Who waits for a sleep and a call together goes on with the call when the sleep ended before it."""
    tree = pb.Future(waiting_completions=[1, 3], combinator_type=pb.Future.ALL_COMPLETED)
    async with EngineUnderTest() as e:
        commands = [f.sleep(1, e.clock.now_ms() + 1_000), f.call("S", "child", (2, 3), parameter=b"5")]
        e.script["S/child"] = _slow_child
        e.script["S/parent"] = answers([*commands, f.suspension_on(tree)], [f.output(), f.END])
        parent_id = await e.send("S/parent")
        await e.rest(10)
        assert (await e.head(parent_id)).status is Status.COMPLETED
