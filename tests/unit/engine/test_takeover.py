"""Taking over from the dead and the half dead: leases, fences, and what a zombie can no longer do."""

from __future__ import annotations

import pytest

from holdfast_engine.records import Status
from holdfast_engine.world import Settings
from holdfast_protocol.manifest import Options, RetryPolicy
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType


async def never(attempt: Attempt) -> list[bytes]:
    """Take the process down: no answer, ever."""
    del attempt
    await EngineUnderTest.rest(None, 10**6)  # type: ignore[arg-type]
    return []


@in_virtual_time
async def test_an_attempt_that_died_silently_is_taken_over() -> None:
    """When the process is gone and its lease over, the next one runs the invocation to its end."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = never
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await e.crash()
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        async with e.restarted() as next_one:
            assert (await next_one.outcome(invocation_id)).value == b"done"


@in_virtual_time
async def test_a_silent_death_counts_as_a_failed_attempt() -> None:
    """A handler that takes its process down each time uses up its attempts like any other (P1)."""
    options = Options(retry_policy=RetryPolicy(max_attempts=3))
    async with EngineUnderTest(deployments=[deployment(services(S=options))]) as e:
        e.script["S/work"] = never
        invocation_id = await e.send("S/work")
        await e.rest(1)
        for deaths in range(1, 4):
            await e.crash()
            e = e.restarted()
            await e.__aenter__()
            await e.rest(1)
            head = await e.head(invocation_id)
            if deaths < 3:
                assert head.status is Status.RUNNING
                start = e.script.attempts[-1].request.start
                assert start.retry_count_since_last_stored_entry == deaths
        assert head.status is Status.PAUSED
        assert head.last_failure is not None
        assert "without an answer" in head.last_failure.message
        assert len(e.script.attempts) == 3


@in_virtual_time
async def test_a_silent_death_may_be_the_end() -> None:
    """Where the policy kills, the last silent death ends the invocation, and its key is free."""
    options = Options(retry_policy=RetryPolicy(max_attempts=1, on_max_attempts="kill"))
    async with EngineUnderTest(deployments=[deployment(services(O=options))]) as e:
        e.script["O/add"] = never
        e.script["O/other"] = answers([f.output(), f.END])
        invocation_id = await e.send("O/k/add")
        await e.rest(1)
        await e.crash()
        async with e.restarted() as next_one:
            outcome = await next_one.outcome(invocation_id)
            assert outcome.failure is not None
            assert (await next_one.call("O/k/other")).outcome.value == b"ok"


@in_virtual_time
async def test_a_live_lease_is_left_alone() -> None:
    """A wake-up that finds a live lease comes back when it is over, and runs nothing (O-3)."""
    async with EngineUnderTest(settings=Settings(lease_ms=10_000)) as e:

        async def slow(attempt: Attempt) -> list[bytes]:
            await e.rest(5)
            return [f.output(), f.END]

        e.script["S/work"] = slow
        invocation_id = await e.send("S/work")
        await e.rest(1)
        lease = (await e.head(invocation_id)).lease_until_ms
        assert await e.engine.advance(invocation_id) == lease
        await e.rest(60)
        assert len(e.script.attempts) == 1


@pytest.mark.parametrize("path", ["S/work", "O/k/add"])
def test_an_attempt_of_this_process_is_alive_whatever_its_lease_says(path: str) -> None:
    """A handler that held up the event loop held up the renewal of its lease: it is not taken for dead by its own."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(settings=Settings(lease_ms=10_000)) as e:

            async def slow(attempt: Attempt) -> list[bytes]:
                await e.rest(60)
                return [f.output(), f.END]

            e.script["S/work"] = e.script["O/add"] = slow
            invocation_id = await e.send(path)
            for _ in range(5):
                await e.rest(11)
                await e.wakeups.wake(invocation_id, not_before_ms=None)
            await e.rest(60)
            assert await e.status(invocation_id) is Status.COMPLETED
            assert len(e.script.attempts) == 1

    play()


@pytest.mark.parametrize("steps", [0, 1, 30])
@pytest.mark.parametrize("more", [0, 30])
def test_a_zombies_checkpoint_is_refused(steps: int, more: int) -> None:
    """Once taken over, the old attempt gets nothing in, on whichever page it stands and however far the new one is."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(settings=Settings(lease_ms=10_000)) as e:
            e.script.takes = True
            zombie: list[bool] = []

            async def handler(attempt: Attempt) -> list[bytes]:
                assert attempt.checkpoint is not None
                first = 1 + sum(kind is T.RUN for kind in attempt.types)
                for number in range(first, first + (steps if attempt.number == 1 else more)):
                    assert await attempt.checkpoint.append([f.run(number, "x" * 50), f.run_result(number)])
                if attempt.number == 1:
                    await e.rest(30)
                    zombie.append(await attempt.checkpoint.append([f.run(999), f.run_result(999, b"zombie")]))
                    return [f.output(b"zombie"), f.END]
                await e.rest(60)
                return [f.output(b"new"), f.END]

            e.script["S/work"] = handler
            invocation_id = await e.send("S/work")
            await e.rest(15)
            async with e.restarted() as successor:
                await successor.engine.start()
                assert (await successor.outcome(invocation_id)).value == b"new"
                await e.rest(60)
                await successor.engine.stop()
            assert len(e.script.attempts) == 2
            assert zombie == [False]
            assert all(b"zombie" not in entry for entry in await e.entries(invocation_id))
            assert (await e.types(invocation_id)).count(T.RUN) == steps + more

    play()


@pytest.mark.parametrize("steps", [0, 30])
def test_a_zombies_answer_is_refused(steps: int) -> None:
    """Once taken over, the old attempt's whole answer changes nothing, neither status nor journal."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(settings=Settings(lease_ms=10_000)) as e:

            async def handler(attempt: Attempt) -> list[bytes]:
                frames = [x for n in range(1, steps + 1) for x in (f.run(n, "x" * 50), f.proposal(n))]
                if attempt.number == 1 and steps:
                    return [*frames, f.suspension(1)]
                if attempt.number == (2 if steps else 1):
                    await e.rest(30)
                    return [f.run(999), f.output(b"zombie"), f.END]
                await e.rest(60)
                return [f.output(b"new"), f.END]

            e.script["S/work"] = handler
            invocation_id = await e.send("S/work")
            await e.rest(15)
            async with e.restarted() as successor:
                await successor.engine.start()
                assert (await successor.outcome(invocation_id)).value == b"new"
                await e.rest(60)
                await successor.engine.stop()
            assert T.OUTPUT in await e.types(invocation_id)
            assert (await e.types(invocation_id)).count(T.RUN) == steps

    play()


@in_virtual_time
async def test_a_paused_attempt_is_fenced() -> None:
    """A pause stops the attempt under way at its next write; the resumed one goes on from what was stored."""
    async with EngineUnderTest() as e:
        e.script.takes = True
        results: list[bool] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            if attempt.number > 1:
                return [f.output(), f.END]
            results.append(await attempt.checkpoint.append([f.run(1), f.run_result(1)]))
            await e.rest(10)
            results.append(await attempt.checkpoint.append([f.run(2), f.run_result(2)]))
            return [f.error(message="fenced")]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        assert await e.inner.pause(invocation_id, now_ms=e.clock.now_ms()) is not None
        await e.rest(60)
        assert await e.status(invocation_id) is Status.PAUSED
        assert results == [True, False]
        await e.inner.resume(invocation_id, now_ms=e.clock.now_ms(), deployment_id=None)
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.outcome(invocation_id)
        assert await e.types(invocation_id) == [T.INPUT, T.RUN, T.RUN_COMPLETION, T.OUTPUT]


@in_virtual_time
async def test_leases_are_renewed_while_an_attempt_lives() -> None:
    """An attempt that outlasts its lease keeps its invocation."""
    async with EngineUnderTest(settings=Settings(lease_ms=3000)) as e:

        async def slow(attempt: Attempt) -> list[bytes]:
            await e.rest(60)
            return [f.output(), f.END]

        e.script["S/work"] = slow
        await e.engine.start()
        invocation_id = await e.send("S/work")
        for _ in range(50):
            await e.rest(1)
            await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.outcome(invocation_id)
        assert len(e.script.attempts) == 1
        await e.engine.stop()


@in_virtual_time
async def test_the_queue_of_a_dead_process_is_found_again() -> None:
    """Holder, waiters, sleepers and scheduled ones all go on after a crash, each in its order."""
    async with EngineUnderTest() as e:
        now = e.clock.now_ms()
        e.script["O/add"] = answers([f.sleep(1, now + 20_000), f.suspension(1)], [f.output(), f.END])
        ids = [await e.send("O/k/add") for _ in range(3)]
        later = await e.send("S/work", invoke_at_ms=now + 30_000)
        e.script["S/work"] = answers([f.output(), f.END])
        await e.rest(1)
        await e.crash()
        e.script["O/add"] = answers([f.output(), f.END])
        async with e.restarted() as next_one:
            await next_one.rest(60)
            for invocation_id in (*ids, later):
                assert await next_one.status(invocation_id) is Status.COMPLETED
            order = [attempt.id for attempt in e.script.attempts]
            assert [each for each in dict.fromkeys(order) if each in ids] == ids
            started = [finished.created_ms for finished in [await next_one.head(later)]]
            assert started == [now]
