"""One id, one invocation after the other: who is left over from the earlier one can do nothing to the later one."""

from __future__ import annotations

import asyncio

from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import FENCED
from holdfast_engine.records import Head, Status
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import EPOCH_MS, in_virtual_time

DONE = [f.output(b"done"), f.END]


@in_virtual_time
async def test_a_zombie_of_a_purged_one_is_fenced() -> None:
    """Killed in the middle of an attempt, purged and asked for again: the attempt that is left writes nowhere (J2)."""
    async with EngineUnderTest() as e:
        begun, held = asyncio.Event(), asyncio.Event()
        heads: list[Head] = []

        async def work(attempt: Attempt) -> list[bytes]:
            heads.append(await e.head(attempt.id))
            begun.set()
            await held.wait()
            return DONE

        e.script["S/work"] = work
        first = asyncio.create_task(e.call("S/work", idempotency_key="k"))
        await begun.wait()
        (zombie,) = heads
        await e.engine.kill(zombie.id)
        await first
        await e.engine.purge(zombie.id)
        begun.clear()
        second = asyncio.create_task(e.call("S/work", idempotency_key="k"))
        await begun.wait()
        assert heads[1].id == zombie.id
        append = await e.inner.append(
            zombie.id, slot=slot_in_head(zombie), epoch=zombie.epoch, frames=(f.run(1, "old"),), taken=()
        )
        assert append is FENCED
        assert not await e.inner.renew(zombie.id, epoch=zombie.epoch, lease_until_ms=10**15)
        held.set()
        assert (await second).outcome.value == b"done"


@in_virtual_time
async def test_attempts_are_counted_anew() -> None:
    """Whoever succeeds another is at its first attempt, however many that one had."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers(
            [
                f.error(),
            ],
            DONE,
        )
        first = await e.call("S/work", idempotency_key="k")
        assert (await e.head(first.invocation_id)).attempts == 2
        await e.engine.purge(first.invocation_id)
        again = await e.call("S/work", idempotency_key="k")
        head = await e.head(again.invocation_id)
        assert (again.was_stored, head.attempts, head.status) == (False, 1, Status.COMPLETED)


@in_virtual_time
async def test_a_successor_calls_children_of_its_own() -> None:
    """What the one before had called is not called again by the same name: the later one gets a new answer."""
    async with EngineUnderTest() as e:
        answered = iter((b"first", b"second"))

        async def parent(attempt: Attempt) -> list[bytes]:
            result = attempt.notification(2)
            if result is None:
                return [f.call("S", "child", (1, 2)), f.suspension(2)]
            return [f.output(result.value.content), f.END]

        async def child(attempt: Attempt) -> list[bytes]:
            del attempt
            return [f.output(next(answered)), f.END]

        e.script["S/parent"], e.script["S/child"] = parent, child
        first = await e.call("S/parent", idempotency_key="k")
        await e.engine.purge(first.invocation_id)
        again = await e.call("S/parent", idempotency_key="k")
        assert (again.invocation_id, again.was_stored) == (first.invocation_id, False)
        assert (first.outcome.value, again.outcome.value) == (b"first", b"second")


@in_virtual_time
async def test_an_answer_to_the_one_before_is_not_taken_for_ones_own() -> None:
    """A child that outlives its parent answers nobody, though another one has its id and waits by then (R2)."""
    async with EngineUnderTest() as e:
        wakes = iter((1_000, 5_000))

        async def parent(attempt: Attempt) -> list[bytes]:
            result = attempt.notification(2)
            if result is not None:
                return [f.output(result.value.content), f.END]
            call = f.call("S", "child", (1, 2))
            return [call, *DONE] if len(ids) == 0 else [call, f.suspension(2)]

        async def child(attempt: Attempt) -> list[bytes]:
            ids.append(attempt.id)
            if attempt.number == 1:
                return [f.sleep(1, EPOCH_MS + next(wakes)), f.suspension(1)]
            return [f.output(attempt.id.encode()), f.END]

        ids: list[str] = []
        e.script["S/parent"], e.script["S/child"] = parent, child
        first = await e.call("S/parent", idempotency_key="k")
        await e.rest(0.1)
        await e.engine.purge(first.invocation_id)
        again = await e.call("S/parent", idempotency_key="k")
        assert again.invocation_id == first.invocation_id
        assert again.outcome.value == ids[1].encode() != ids[0].encode()
