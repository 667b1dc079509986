"""Pausing and resuming in every status, at every awkward moment, and on other deployments."""

from __future__ import annotations

import asyncio

import pytest

from holdfast_engine.engine import PauseOutcome
from holdfast_engine.errors import DeploymentUnfit, NotStarted, RequestRejected, WrongState
from holdfast_engine.pausing import GRACE_S
from holdfast_engine.records import Failure, Outcome, Status
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType
WAITING = [f.suspension(signals=(1, 17))]
DONE = [f.output(b"done"), f.END]
STEP = [f.run(1), f.proposal(1)]


@in_virtual_time
async def test_the_attempt_under_way_is_fenced() -> None:
    """What an attempt answers after its invocation was paused does not count; the next one starts from what did."""
    async with EngineUnderTest() as e:
        gate = asyncio.Event()

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                await gate.wait()
            return [*STEP, *DONE]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        assert await e.engine.pause(invocation_id) is PauseOutcome.DONE
        gate.set()
        await e.rest(3600)
        assert await e.status(invocation_id) is Status.PAUSED
        assert await e.types(invocation_id) == [T.INPUT]
        await e.engine.resume(invocation_id, deployment="keep")
        assert (await e.outcome(invocation_id)).value == b"done"
        assert len(e.script.attempts) == 2


@in_virtual_time
async def test_a_step_that_is_nearly_done_is_stored() -> None:
    """What an attempt answers soon after somebody wanted to pause counts, and the next one is not sent."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(GRACE_S / 2)
            return [*STEP, f.suspension(1)] if attempt.number == 1 else DONE

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await asyncio.sleep(GRACE_S / 4)
        assert await e.engine.pause(invocation_id) is PauseOutcome.DONE
        assert await e.status(invocation_id) is Status.PAUSED
        assert await e.types(invocation_id) == [T.INPUT, T.RUN, T.RUN_COMPLETION]
        await e.rest(3600)
        assert len(e.script.attempts) == 1
        await e.engine.resume(invocation_id, deployment="keep")
        assert (await e.outcome(invocation_id)).value == b"done"


@in_virtual_time
async def test_no_step_begins_behind_a_checkpoint() -> None:
    """A handler that stores its steps by itself is stopped at the first it stores after somebody wanted to pause."""
    async with EngineUnderTest() as e:
        e.script.takes = True
        told: list[bool] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            if attempt.number > 1:
                return DONE
            await asyncio.sleep(GRACE_S / 2)
            told.append(await attempt.checkpoint.append([f.run(1), f.run_result(1)]))
            return [f.suspension(1)]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await asyncio.sleep(GRACE_S / 4)
        assert await e.engine.pause(invocation_id) is PauseOutcome.DONE
        assert await e.status(invocation_id) is Status.PAUSED
        assert await e.types(invocation_id) == [T.INPUT, T.RUN, T.RUN_COMPLETION]
        assert told == [False]
        await e.engine.resume(invocation_id, deployment="keep")
        assert (await e.outcome(invocation_id)).value == b"done"


@in_virtual_time
async def test_an_attempt_that_is_late_pauses_nobody_else() -> None:
    """An attempt stands still behind its checkpoint until its invocation was paused and resumed: that one goes on."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        e.script.takes = True
        told: list[bool] = []

        async def standing_still(*_: object, **__: object) -> None:
            await asyncio.sleep(GRACE_S * 2)

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            if attempt.number > 1:
                await asyncio.sleep(GRACE_S * 4)
                return DONE
            told.append(await attempt.checkpoint.append([f.run(1), f.run_result(1)]))
            return [f.suspension(1)]

        e.store.hooks["after_append"] = standing_still
        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await asyncio.sleep(GRACE_S / 4)
        assert await e.engine.pause(invocation_id) is PauseOutcome.DONE
        await e.engine.resume(invocation_id, deployment="keep")
        assert told == []
        await asyncio.sleep(GRACE_S * 2)
        assert told == [False]
        assert await e.status(invocation_id) is Status.RUNNING
        assert (await e.outcome(invocation_id)).value == b"done"


@in_virtual_time
async def test_what_ends_meanwhile_has_ended() -> None:
    """An attempt that ends soon after two wanted to pause its invocation leaves them nothing to pause."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(GRACE_S / 2)
            return DONE

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await asyncio.sleep(GRACE_S / 4)
        asked = [e.engine.pause(invocation_id) for _ in range(2)]
        assert [type(each) for each in await asyncio.gather(*asked, return_exceptions=True)] == [WrongState] * 2
        assert (await e.outcome(invocation_id)).value == b"done"


@pytest.mark.parametrize("answer", [WAITING, [f.error(next_retry_delay=600_000)]])
def test_what_rests_stays_at_rest(answer: list[bytes]) -> None:
    """Neither a notification nor the time of its next retry moves a paused invocation; a resume does, at once."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script["S/work"] = answers(answer, DONE)
            invocation_id = await e.send("S/work")
            await e.rest(1)
            await e.engine.pause(invocation_id)
            assert await e.engine.pause(invocation_id) is PauseOutcome.ALREADY_PAUSED
            await e.rest(3600)
            assert len(e.script.attempts) == 1
            before = e.clock.now_ms()
            await e.engine.resume(invocation_id, deployment="keep")
            assert (await e.outcome(invocation_id)).value == b"done"
            assert e.clock.now_ms() - before < 1000

    play()


@in_virtual_time
async def test_a_paused_one_keeps_its_key() -> None:
    """Its creator runs the holder of a key without a word in its head: it is paused even so, and nobody gets by."""
    async with EngineUnderTest() as e:
        gate = asyncio.Event()

        async def handler(attempt: Attempt) -> list[bytes]:
            await gate.wait()
            return [f.set_state("a", attempt.id.encode()), *DONE]

        e.script["O/add"] = handler
        first, second = [await e.send("O/k/add") for _ in range(2)]
        await e.rest(1)
        assert await e.status(first) is Status.QUEUED
        # Resuming what runs changes nothing.
        await e.engine.resume(first, deployment="latest")
        assert await e.status(first) is Status.QUEUED
        await e.engine.pause(first)
        gate.set()
        await e.rest(3600)
        assert (await e.status(first), await e.status(second)) == (Status.PAUSED, Status.QUEUED)
        await e.engine.resume(first, deployment="keep")
        assert (await e.outcome(second)).value == b"done"
        assert await e.state("k") == {"a": second.encode()}


@in_virtual_time
async def test_paused_between_its_turn_and_its_first_attempt() -> None:
    """Paused when the key had come to it and nobody had run it yet, an invocation still writes under its own ticket."""
    # The acquire that would have said the ticket is refused; the one after the resume finds it at the lock. Killed in
    # the middle of that attempt, it leaves behind what it had stored.
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        gate = asyncio.Event()
        e.script.takes = True

        async def holder(attempt: Attempt) -> list[bytes]:
            del attempt
            await gate.wait()
            return DONE

        async def waiter(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            await attempt.checkpoint.append([f.set_state("a", b"1"), f.run(1), f.run_result(1)])
            await asyncio.Event().wait()
            return []

        async def in_between(invocation_id: str, **_: object) -> None:
            await e.engine.pause(invocation_id)

        e.script["O/add"], e.script["O/other"] = holder, waiter
        await e.send("O/k/add")
        second = await e.send("O/k/other")
        await e.rest(1)
        e.store.hooks["before_acquire"] = in_between
        gate.set()
        await e.rest(3600)
        assert await e.status(second) is Status.PAUSED
        assert (await e.head(second)).ticket is None
        await e.engine.resume(second, deployment="keep")
        await e.rest(1)
        await e.engine.kill(second)
        await e.rest(1)
        assert await e.state("k") == {"a": b"1"}


@in_virtual_time
async def test_what_has_not_begun_is_left_alone() -> None:
    """What waits for its time or its key can neither be paused nor resumed, and what has ended just as little."""
    async with EngineUnderTest() as e:
        e.script["O/add"] = answers(WAITING)
        e.script["S/work"] = answers(DONE)
        await e.send("O/k/add")
        queued = await e.send("O/k/add")
        scheduled = await e.send("S/work", invoke_at_ms=e.clock.now_ms() + 600_000)
        await e.rest(1)
        for invocation_id in (queued, scheduled):
            with pytest.raises(WrongState, match="not started"):
                await e.engine.pause(invocation_id)
            with pytest.raises(NotStarted):
                await e.engine.resume(invocation_id, deployment="keep")
        ended = (await e.call("S/work")).invocation_id
        with pytest.raises(WrongState, match="has ended"):
            await e.engine.pause(ended)
        with pytest.raises(WrongState, match="has ended"):
            await e.engine.resume(ended, deployment="keep")


@in_virtual_time
async def test_a_pause_in_the_midst_of_a_cancel() -> None:
    """A request to cancel that meets a pause behind its note wakes whom it finds paused."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        e.script["S/work"] = answers(WAITING, [f.output_failure(409, "cancelled"), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(1)

        async def in_between(invocation_id: str, *_: object, **__: object) -> None:
            await e.engine.pause(invocation_id)

        e.store.hooks["after_note"] = in_between
        await e.engine.cancel(invocation_id)
        assert await e.outcome(invocation_id) == Outcome(failure=Failure(code=409, message="cancelled"))


async def _paused_behind_a_step(e: EngineUnderTest) -> str:
    e.script["S/work"] = answers([*STEP, f.error(behavior=f.PAUSE)], DONE)
    invocation_id = await e.send("S/work")
    await e.rest(1)
    assert await e.status(invocation_id) is Status.PAUSED
    return invocation_id


@pytest.mark.parametrize(("which", "expected"), [("keep", 1), ("latest", 3), (deployment(services(), number=2).id, 2)])
def test_on_which_deployment(which: str, expected: int) -> None:
    """A resumed invocation goes on where it was, on the latest deployment, or on the one that is named."""

    @in_virtual_time
    async def play() -> None:
        first, *others = [deployment(services(), number=number) for number in (1, 2, 3)]
        async with EngineUnderTest(deployments=[first]) as e:
            invocation_id = await _paused_behind_a_step(e)
            for other in others:
                e.registry.put(other)
            await e.engine.resume(invocation_id, deployment=which)
            assert (await e.outcome(invocation_id)).value == b"done"
            assert e.script.attempts[-1].deployment.created_ms == expected

    play()


@in_virtual_time
async def test_on_no_fitting_deployment() -> None:
    """A deployment must exist, have the handler, and speak the version that the journal is written in."""
    async with EngineUnderTest() as e:
        invocation_id = await _paused_behind_a_step(e)
        without = deployment(services()[1:], number=2)
        older = deployment(services(), number=3, versions=(5, 6))
        for other in (without, older):
            e.registry.put(other)
            with pytest.raises(DeploymentUnfit):
                await e.engine.resume(invocation_id, deployment=other.id)
        with pytest.raises(RequestRejected, match="no deployment"):
            await e.engine.resume(invocation_id, deployment=deployment((), number=4).id)
        assert await e.status(invocation_id) is Status.PAUSED


@in_virtual_time
async def test_what_has_stored_nothing_is_bound_to_nothing() -> None:
    """Before its first step an invocation goes wherever the latest deployment is, and no other can be named."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error(behavior=f.PAUSE)], DONE)
        invocation_id = await e.send("S/work")
        await e.rest(1)
        second = deployment(services(), number=2)
        e.registry.put(second)
        with pytest.raises(WrongState, match="latest"):
            await e.engine.resume(invocation_id, deployment=second.id)
        await e.engine.resume(invocation_id, deployment="latest")
        assert (await e.outcome(invocation_id)).value == b"done"
        assert e.script.attempts[-1].deployment == second
