"""Killing in every status: the end is at once, calls die too, what was sent survives, and the key is given back."""

from __future__ import annotations

import pytest

from holdfast_engine.errors import UnknownInvocation
from holdfast_engine.kill import KillOutcome
from holdfast_engine.records import Failure, KeyRef, Outcome, Status
from holdfast_protocol.ids import encode_awakeable_id, encode_invocation_id
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers
from tests.support.virtual_time import in_virtual_time

T = MessageType
KILLED = Outcome(failure=Failure(code=409, message="killed"))
WAITING = [f.suspension(signals=(1, 17))]


@in_virtual_time
async def test_there_must_be_something_to_kill() -> None:
    """An id nobody has is refused by name."""
    async with EngineUnderTest() as e:
        with pytest.raises(UnknownInvocation, match="inv_1"):
            await e.engine.kill(encode_invocation_id(bytes(24)))


@in_virtual_time
async def test_a_completed_invocation_stays_as_it_is() -> None:
    """Killing what has ended does nothing and says so (O1)."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        finished = await e.call("S/work")
        assert await e.engine.kill(finished.invocation_id) is KillOutcome.ALREADY_COMPLETED
        assert await e.outcome(finished.invocation_id) == finished.outcome


ENDINGS = {
    Status.SUSPENDED: WAITING,
    Status.BACKING_OFF: [f.error(next_retry_delay=600_000)],
    Status.PAUSED: [f.error(behavior=f.PAUSE)],
}


@pytest.mark.parametrize("status", ENDINGS)
def test_whatever_rests_ends_at_once(status: Status) -> None:
    """An invocation at rest is completed as killed and never runs again."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script["S/work"] = answers(ENDINGS[status])
            invocation_id = await e.send("S/work")
            await e.rest(1)
            assert await e.status(invocation_id) is status
            assert await e.engine.kill(invocation_id) is KillOutcome.DONE
            assert await e.outcome(invocation_id) == KILLED
            await e.rest(3600)
            assert len(e.script.attempts) == 1

    play()


@in_virtual_time
async def test_a_scheduled_invocation_is_killed() -> None:
    """What was to start later never starts."""
    async with EngineUnderTest() as e:
        invocation_id = await e.send("S/work", invoke_at_ms=e.clock.now_ms() + 60_000)
        assert await e.engine.kill(invocation_id) is KillOutcome.DONE
        await e.rest(120)
        assert await e.outcome(invocation_id) == KILLED
        assert not e.script.attempts


@pytest.mark.parametrize("takes", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 40])
def test_a_running_attempt_is_fenced(takes: bool, steps: int) -> None:
    """An attempt under way writes nothing more, whichever page is open, and its outcome is not taken."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script.takes = takes
            appended: list[bool] = []

            async def handler(attempt: Attempt) -> list[bytes]:
                frames = [[f.run(number, "x" * 50), f.run_result(number)] for number in range(1, steps + 1)]
                if attempt.checkpoint is not None:
                    for step in frames:
                        assert await attempt.checkpoint.append(step)
                await e.rest(10)
                if attempt.checkpoint is not None:
                    appended.append(await attempt.checkpoint.append([f.run(100), f.run_result(100)]))
                return [f.output(b"too late"), f.END]

            e.script["S/work"] = handler
            invocation_id = await e.send("S/work")
            await e.rest(1)
            stored = await e.entries(invocation_id)
            assert len(stored) == 1 + (2 * steps if takes else 0)
            assert await e.engine.kill(invocation_id) is KillOutcome.DONE
            await e.rest(3600)
            assert await e.outcome(invocation_id) == KILLED
            assert await e.entries(invocation_id) == stored
            assert appended == ([False] if takes else [])
            assert len(e.script.attempts) == 1

    play()


@in_virtual_time
async def test_whoever_waits_is_told() -> None:
    """A client and a calling handler both get the failure."""
    async with EngineUnderTest() as e:
        e.script["S/child"] = answers(WAITING)

        async def parent(attempt: Attempt) -> list[bytes]:
            result = attempt.notification(2)
            if result is None:
                return [f.call("S", "child", (1, 2)), f.suspension(2)]
            return [f.output_failure(result.failure.code, result.failure.message), f.END]

        e.script["S/parent"] = parent
        invocation_id = await e.send("S/parent")
        await e.rest(1)
        await e.engine.kill(e.script.attempts[-1].id)
        assert (await e.outcome(invocation_id)).failure == KILLED.failure


@in_virtual_time
async def test_the_whole_tree_of_calls_dies() -> None:
    """Calls of calls are killed, one-way sends live on (C1)."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = answers([f.call("S", "child", (1, 2)), f.send("S", "other", 3), f.suspension(2)])
        e.script["S/child"] = answers([f.call("S", "work", (1, 2)), f.suspension(2)])
        e.script["S/work"] = answers(WAITING)
        e.script["S/other"] = answers(WAITING)
        await e.send("S/parent")
        await e.rest(1)
        by_handler = {attempt.request.handler: attempt.id for attempt in e.script.attempts}
        await e.engine.kill(by_handler["parent"])
        await e.rest(1)
        for handler in ("parent", "child", "work"):
            assert await e.outcome(by_handler[handler]) == KILLED
        assert await e.status(by_handler["other"]) is Status.SUSPENDED


@in_virtual_time
async def test_a_call_that_is_not_created_yet_is_created_dead() -> None:
    """A call in the journal whose child does not exist yet can never come to life (C1)."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)

        async def in_between(invocation_id: str, **_: object) -> None:
            await e.engine.kill(invocation_id)

        # Committed, not performed: the parent is killed at this very moment.
        e.store.hooks["after_commit"] = in_between
        e.script["S/parent"] = answers([f.call("S", "child", (1, 2)), f.suspension(2)])
        e.script["S/child"] = answers([f.output(), f.END])
        invocation_id = await e.send("S/parent")
        await e.rest(60)
        assert await e.outcome(invocation_id) == KILLED
        assert [attempt.request.handler for attempt in e.script.attempts] == ["parent"]


@in_virtual_time
async def test_what_a_killed_invocation_had_sent_survives() -> None:
    """Sends, signals and promises of a committed step take effect, though the sender is killed before it could act."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        hooks = e.store.hooks
        e.script["S/work"] = answers(WAITING, [f.output(b"resolved"), f.END])
        waiting = await e.send("S/work")
        await e.rest(1)
        raw_id = e.script.attempts[0].request.start.id
        e.script.takes = True

        async def handler(attempt: Attempt) -> list[bytes]:
            async def in_between(invocation_id: str, **_: object) -> None:
                await e.engine.kill(invocation_id)

            hooks["after_append"] = in_between
            assert attempt.checkpoint is not None
            sent = [f.send("S", "other", 1), f.complete_awakeable(encode_awakeable_id(raw_id, 17))]
            await attempt.checkpoint.append([*sent, f.run(2), f.run_result(2)])
            return WAITING

        e.script["S/parent"] = handler
        e.script["S/other"] = answers([f.output(), f.END])
        await e.send("S/parent")
        await e.rest(1)
        assert await e.status(waiting) is Status.COMPLETED
        assert [attempt.request.handler for attempt in e.script.attempts].count("other") == 1


@in_virtual_time
async def test_a_killed_holder_gives_its_key_back() -> None:
    """The next in line runs, and sees the state that had been committed before the kill."""
    async with EngineUnderTest() as e:
        e.script.takes = True

        async def holder(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            await attempt.checkpoint.append([f.set_state("n", b"kept"), f.run(1), f.run_result(1)])
            await e.rest(3600)
            return [f.set_state("n", b"lost"), f.output(), f.END]

        e.script["O/other"] = holder
        e.script["O/add"] = answers([f.output(), f.END])
        first, second = await e.send("O/k/other"), await e.send("O/k/add")
        await e.rest(1)
        await e.engine.kill(first)
        await e.rest(1)
        assert await e.status(second) is Status.COMPLETED
        assert e.script.of(second)[0].state == {"n": b"kept"}


@in_virtual_time
async def test_a_killed_waiter_is_passed_over() -> None:
    """A waiter that is killed never runs, and those behind it get the key in order."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.sleep(1, e.clock.now_ms() + 10_000), f.suspension(1)], [f.output(), f.END])
        e.script["O/add"] = answers([f.output(), f.END])
        ids = [await e.send("O/k/other"), *[await e.send("O/k/add") for _ in range(3)]]
        await e.rest(1)
        await e.engine.kill(ids[1])
        await e.rest()
        assert [attempt.id for attempt in e.script.attempts] == [ids[0], ids[0], ids[2], ids[3]]
        lock = (await e.inner.keyed(KeyRef(service="O", key="k"), with_state=False)).lock
        assert (lock.serving, lock.next, lock.holder) == (4, 4, None)


@pytest.mark.parametrize("is_contended", [False, True])
def test_a_kill_that_died_half_way_is_finished(is_contended: bool) -> None:
    """When the killer dies behind the kill, the message does the rest: state kept, key passed on, waiter told."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script.takes = True
            e.script["O/other"] = answers([f.output(), f.END])
            e.script["O/add"] = answers([f.output(), f.END])

            async def holder(attempt: Attempt) -> list[bytes]:
                assert attempt.checkpoint is not None
                await attempt.checkpoint.append([f.set_state("n", b"kept"), f.run(1), f.run_result(1)])
                await e.rest(3600)
                return WAITING

            e.script["O/get"] = answers([f.output(), f.END])
            e.script["O/other"] = holder
            if is_contended:
                e.script["O/add"] = answers([f.sleep(1, e.clock.now_ms() + 500), f.suspension(1)], [f.output(), f.END])
                await e.send("O/k/add")
            first = await e.send("O/k/other")
            await e.rest(1)
            second = await e.send("O/k/add")
            await e.rest(1)
            await e.crash()
            killed = await e.inner.kill(first, failure=Failure(code=409, message="killed"), now_ms=e.clock.now_ms())
            assert killed is not None
            async with e.restarted() as next_one:
                await next_one.rest(10)
                assert await next_one.outcome(first) == KILLED
                assert await next_one.status(second) is Status.COMPLETED
                assert await next_one.state("k") == {"n": b"kept"}

    play()
