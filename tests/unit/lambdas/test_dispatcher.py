"""Wake-ups are handled at once, answered for one by one, and come back when the engine says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from holdfast_aws.runtime.dispatcher import PUT_BACKS_MAX, Dispatcher
from holdfast_engine.errors import StoreUnreachable
from holdfast_engine.records import KeyRef, Status
from holdfast_engine.world import Settings
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time
from tests.unit.lambdas.surroundings import ProcessUnderTest, QueueUnderTest, failed, records


class Silence:
    """Wake-ups that are heard by nobody: the messages of these tests come by hand."""

    def __init__(self) -> None:
        self.sent: list[tuple[object, int | None]] = []

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        self.sent.append((invocation_id, not_before_ms))

    async def check_key(self, key: KeyRef, *, not_before_ms: int | None) -> None:
        self.sent.append((key, not_before_ms))

    async def announce(self, invocation_id: str) -> bool:
        return False

    async def watchdog(self, invocation_id: str) -> None: ...

    async def settled(self, invocation_id: str) -> None: ...


def dispatcher(e: EngineUnderTest, **options: Any) -> tuple[Dispatcher, QueueUnderTest, Silence]:
    e.world.wakeups = silence = Silence()
    queue = QueueUnderTest(e.clock)
    process: Any = ProcessUnderTest(e, **options)
    return Dispatcher(process, queue=queue), queue, silence


def put_back(queue: QueueUnderTest) -> list[tuple[tuple[str, ...], int]]:
    """Return what was put back and for how long; beats are of 45 seconds."""
    return [(receipts, seconds) for _, receipts, seconds in queue.changes if seconds != 45]


@in_virtual_time
async def test_messages_are_handled_at_once() -> None:
    """Ten messages take as long as one, and none of them comes again."""
    async with EngineUnderTest(settings=Settings(runs_max=0)) as e:
        work, _, _ = dispatcher(e)

        async def slow(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(10)
            return [f.output(b"done"), f.END]

        e.script["S/work"] = slow
        ids = [await e.send("S/work") for _ in range(10)]
        start = e.clock.now_ms()
        assert failed(await work.handle(records(*ids), None)) == []
        assert 10_000 <= e.clock.now_ms() - start < 11_000
        assert {await e.status(each) for each in ids} == {Status.COMPLETED}


@in_virtual_time
async def test_a_message_that_meets_a_live_lease_comes_back_when_it_ends() -> None:
    """Whoever finds another at work puts the message back until the lease is over, by the second."""
    async with EngineUnderTest() as e:

        async def endless(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(1000)
            return []

        e.script["S/work"] = endless
        invocation_id = await e.send("S/work")
        await e.rest(4.5)
        work, queue, _ = dispatcher(e)
        lease_s = ((await e.head(invocation_id)).lease_until_ms - e.clock.now_ms()) / 1000
        assert failed(await work.handle(records(invocation_id), None)) == ["message-0"]
        ((receipts, seconds),) = put_back(queue)
        assert receipts == ("receipt-0",)
        assert lease_s <= seconds < lease_s + 1


@in_virtual_time
async def test_a_message_that_was_put_back_often_goes_on_as_a_fresh_one() -> None:
    """Watching over long work does not use up the receives that lead to the dead-letter queue."""
    async with EngineUnderTest() as e:

        async def endless(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(1000)
            return []

        e.script["S/work"] = endless
        invocation_id = await e.send("S/work")
        await e.rest(1)
        work, queue, silence = dispatcher(e)
        answer = await work.handle(records(invocation_id, receives=PUT_BACKS_MAX + 1), None)
        assert failed(answer) == []
        assert put_back(queue) == []
        assert silence.sent == [(invocation_id, (await e.head(invocation_id)).lease_until_ms)]


@pytest.mark.parametrize(("receives", "seconds"), [(1, 2), (3, 8), (9, 60)])
@in_virtual_time
async def test_a_store_that_does_not_answer_is_asked_again_later(receives: int, seconds: int) -> None:
    """A dependency's failure puts the message back, ever longer, and does not count as the message's."""
    async with EngineUnderTest() as e:
        work, queue, _ = dispatcher(e)

        async def unreachable(_: str, *, epoch: int | None) -> None:
            raise StoreUnreachable("DynamoDB does not answer")

        e.world.store.load = unreachable  # type: ignore[method-assign, assignment]
        answer = await work.handle(records("inv_1" + 33 * "0", receives=receives), None)
        assert failed(answer) == ["message-0"]
        assert put_back(queue) == [(("receipt-0",), seconds)]


@in_virtual_time
async def test_a_message_that_fails_comes_back_by_itself_and_blocks_no_other() -> None:
    """What is no wake-up, or meets a bug, is left to its visibility, and in the end to the dead-letter queue."""
    async with EngineUnderTest(settings=Settings(runs_max=0)) as e:
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        work, queue, _ = dispatcher(e)
        invocation_id = await e.send("S/work")
        assert failed(await work.handle(records("nonsense", invocation_id), None)) == ["message-0"]
        assert put_back(queue) == []
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_key_is_looked_at() -> None:
    """A message that names a key gets the key's queue moving."""
    async with EngineUnderTest(settings=Settings(runs_max=0)) as e:
        work, _, silence = dispatcher(e)
        holder = await e.send("O/k/add")
        silence.sent.clear()
        body = json.dumps({"service": "O", "key": "k"})
        assert failed(await work.handle(records(body), None)) == []
        assert silence.sent == [(holder, None)]


@in_virtual_time
async def test_the_event_ends_when_its_children_have() -> None:
    """What the handled invocations started in this process is waited for: a frozen process would not go on with it."""
    async with EngineUnderTest() as e:
        work, _, _ = dispatcher(e)

        async def slow(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(10)
            return [f.output(b"done"), f.END]

        e.script["S/parent"] = answers([f.send("S", "child", 1), f.output(b"parent"), f.END])
        e.script["S/child"] = slow
        e.world.settings = Settings(runs_max=0)
        parent = await e.send("S/parent")
        e.world.settings = Settings(runs_max=10)
        start = e.clock.now_ms()
        assert failed(await work.handle(records(parent), None)) == []
        assert e.clock.now_ms() - start >= 10_000
        (child,) = [attempt.id for attempt in e.script.attempts if attempt.request.handler == "child"]
        assert await e.status(child) is Status.COMPLETED


@in_virtual_time
async def test_an_event_ends_before_its_process_is_killed() -> None:
    """Work that does not end in time is cut off, and its message comes again."""
    async with EngineUnderTest(settings=Settings(runs_max=0)) as e:
        work, _, _ = dispatcher(e, seconds=30)

        async def endless(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(1000)
            return []

        e.script["S/work"] = endless
        invocation_id = await e.send("S/work")
        start = e.clock.now_ms()
        assert failed(await work.handle(records(invocation_id), None)) == ["message-0"]
        assert e.clock.now_ms() - start < 30_000
