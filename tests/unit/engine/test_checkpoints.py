"""Checkpoints: what a handler makes durable while it runs, in which order, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.records import Note, Status
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import MessageType, encode
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType


def stepping(e: EngineUnderTest, *appended: list[bytes], then: list[bytes]) -> None:
    """Let S/work append at its first attempt and answer, and only answer from then on."""
    e.script.takes = True

    async def handler(attempt: Attempt) -> list[bytes]:
        assert attempt.checkpoint is not None
        if attempt.number == 1:
            for frames in appended:
                if not await attempt.checkpoint.append(frames):
                    return [f.error(message="stopped")]
        return then

    e.script["S/work"] = handler


@in_virtual_time
async def test_ten_steps_take_one_attempt() -> None:
    """A handler with a checkpoint goes from step to step without suspending."""
    async with EngineUnderTest() as e:
        steps = [[f.run(number), f.run_result(number)] for number in range(1, 11)]
        stepping(e, *steps, then=[f.output(), f.END])
        finished = await e.call("S/work")
        assert len(e.script.attempts) == 1
        assert await e.types(finished.invocation_id) == [T.INPUT, *[T.RUN, T.RUN_COMPLETION] * 10, T.OUTPUT]


@in_virtual_time
async def test_what_was_merged_goes_in_front() -> None:
    """The notes an attempt was sent are stored in front of its own frames, and their tokens with them (O-9)."""
    async with EngineUnderTest() as e:
        stepping(e, [f.run(1), f.run_result(1)], then=[f.suspension(signals=(1, 18))])
        e.script.handlers["S/other"] = e.script.handlers.pop("S/work")

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                return [f.suspension(signals=(1, 17))]
            assert attempt.checkpoint is not None
            assert attempt.types == [T.INPUT, T.SIGNAL]
            assert await attempt.checkpoint.append([f.run(1), f.run_result(1)])
            return [f.suspension(signals=(1, 18))]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await e.inner.note(invocation_id, Note(key="s#17", frame=f.signal(17)))
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.rest(1)
        assert await e.types(invocation_id) == [T.INPUT, T.SIGNAL, T.RUN, T.RUN_COMPLETION]
        assert "s#17" in (await e.head(invocation_id)).page.taken


@in_virtual_time
async def test_what_comes_meanwhile_goes_behind() -> None:
    """A note that arrives during an attempt stays out of the journal until the attempt's frames are in."""
    async with EngineUnderTest() as e:
        e.script.takes = True

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            if attempt.number > 1:
                return [f.output(), f.END]
            await e.inner.note(attempt.id, Note(key="s#17", frame=f.signal(17)))
            for number in (1, 2):
                await attempt.checkpoint.append([f.run(number), f.run_result(number)])
            return [f.suspension(signals=(1, 17))]

        e.script["S/work"] = handler
        finished = await e.call("S/work")
        assert await e.types(finished.invocation_id) == [T.INPUT, *[T.RUN, T.RUN_COMPLETION] * 2, T.SIGNAL, T.OUTPUT]


@in_virtual_time
async def test_a_step_survives_the_process() -> None:
    """A result that was appended is in the journal of the next attempt, however the first one ended."""
    async with EngineUnderTest() as e:
        e.script.takes = True

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            if attempt.number == 1:
                await attempt.checkpoint.append([f.run(1), f.run_result(1, b"once")])
                await e.rest(10**6)
            result = attempt.notification(1)
            assert result is not None
            return [f.output(result.value.content), f.END]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await e.crash()
        async with e.restarted() as next_one:
            assert (await next_one.outcome(invocation_id)).value == b"once"


@in_virtual_time
async def test_a_send_takes_effect_at_the_checkpoint() -> None:
    """A message sent before a long step does not wait for the end of the step behind it."""
    async with EngineUnderTest() as e:
        e.script.takes = True

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            await attempt.checkpoint.append([f.send("S", "other", 1), f.run(2), f.run_result(2)])
            await e.rest(20)
            return [f.output(), f.END]

        e.script["S/work"] = handler
        e.script["S/other"] = answers([f.output(), f.END])
        await e.send("S/work")
        await e.rest(1)
        assert [attempt.request.handler for attempt in e.script.attempts] == ["work", "other"]
        await e.rest(60)
        assert len(e.script.attempts) == 2


REFUSED: dict[str, tuple[bytes, str]] = {
    "a call to nobody": (f.call("Nobody", "work", (2, 3)), "RT0018"),
    "a send to nobody": (f.send("S", "nothing", 2), "RT0018"),
    "a keyed call without a key": (f.call("O", "add", (2, 3)), "RT0018"),
    "a plain call with a key": (f.call("S", "work", (2, 3), key="k"), "RT0018"),
    "an empty idempotency key": (f.call("S", "work", (2, 3), idempotency_key=""), "RT0017"),
    "an idempotency key for a workflow": (f.call("W", "run", (2, 3), key="k", idempotency_key="i"), "RT0017"),
    "a limit key without a scope": (f.call("S", "work", (2, 3), limit_key="l"), "RT0017"),
    "state of a plain service": (f.set_state("n", b"1"), "RT0017"),
    "a state read of a plain service": (f.get_state("n", 2), "RT0017"),
    "a promise outside a workflow": (f.get_promise("p", 2), "RT0017"),
    "a promise completed outside a workflow": (f.complete_promise("p", 2), "RT0017"),
    "a signal to a malformed id": (f.send_cancel("inv_nonsense"), "RT0017"),
    "a signal without a result": (f.send_signal("inv_1" + "0" * 33, idx=1), "RT0012"),
    "an attach to a malformed id": (f.attach(2, invocation_id="nonsense"), "RT0017"),
    "an awakeable that is none": (f.complete_awakeable("sign_1"), "RT0017"),
    "a malformed command": (encode_frame(T.CALL, b"\xff"), "RT0012"),
}


@pytest.mark.parametrize("takes", [False, True])
@pytest.mark.parametrize("bad", REFUSED)
def test_a_command_that_may_not_stand_there_is_refused(bad: str, takes: bool) -> None:
    """Checkpointed or answered: it fails the attempt by its own code, and what stood in front of it is kept."""
    frame, rt_code = REFUSED[bad]

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            frames = [f.run(1), f.run_result(1), frame, f.run(9), f.run_result(9)]
            if takes:
                stepping(e, frames, then=[f.output(), f.END])
            else:
                frames = [f.run(1), f.proposal(1), frame, f.run(9), f.proposal(9)]
                e.script["S/work"] = answers([*frames, f.END], [f.output(), f.END])
            invocation_id = await e.send("S/work")
            await e.rest(0.1)
            head = await e.head(invocation_id)
            assert head.status is Status.BACKING_OFF
            assert head.last_failure is not None
            assert head.last_failure.rt_code == rt_code
            assert await e.types(invocation_id) == [T.INPUT, T.RUN, T.RUN_COMPLETION]
            await e.rest()
            assert await e.status(invocation_id) is Status.COMPLETED

    play()


@pytest.mark.parametrize(
    "frame",
    [f.proposal(1), f.END, f.error(), f.signal(17), f.input_(), encode_frame(0x0777, b""), encode(pb.Start())],
    ids=["proposal", "end", "error", "signal", "input", "unknown", "start"],
)
def test_only_entries_are_checkpointed(frame: bytes) -> None:
    """Nothing gets into the journal by a checkpoint that is no command, no step's result and no end of a sleep."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            stepping(e, [f.run(1), frame], then=[f.output(), f.END])
            invocation_id = await e.send("S/work")
            await e.rest(0.1)
            head = await e.head(invocation_id)
            assert head.last_failure is not None
            assert head.last_failure.rt_code == "RT0012"
            assert await e.types(invocation_id) == [T.INPUT, T.RUN]

    play()


@in_virtual_time
async def test_an_unknown_callee_is_waited_for() -> None:
    """A call to a service that is registered later succeeds then: the caller waits for it in the open."""
    async with EngineUnderTest(deployments=[deployment(services()[:1])]) as e:

        async def caller(attempt: Attempt) -> list[bytes]:
            result = attempt.notification(2)
            if result is not None:
                return [f.output(result.value.content), f.END]
            command = [f.call("O", "add", (1, 2), key="k")] if T.CALL not in attempt.types else []
            return [*command, f.suspension(2)]

        e.script["S/work"] = caller
        e.script["O/add"] = answers([f.output(b"here"), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(10)
        head = await e.head(invocation_id)
        assert head.status is Status.BACKING_OFF
        assert head.last_failure is not None
        assert head.last_failure.rt_code == "RT0018"
        assert "'O'" in head.last_failure.message
        e.registry.put(deployment(services(), number=2))
        assert (await e.outcome(invocation_id)).value == b"here"


@in_virtual_time
async def test_a_committed_call_waits_for_its_service_to_come_back() -> None:
    """A service that vanished between commit and performing is waited for, and the call is made then."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)

        async def caller(attempt: Attempt) -> list[bytes]:
            result = attempt.notification(2)
            if result is not None:
                return [f.output(result.value.content), f.END]
            return [f.call("O", "add", (1, 2), key="k"), f.error()] if attempt.number == 1 else [f.suspension(2)]

        async def vanish(*_: Any, **__: Any) -> None:
            e.registry.put(deployment(services()[:1]))

        e.script["S/work"] = caller
        e.script["O/add"] = answers([f.output(b"here"), f.END])
        e.store.hooks["after_commit"] = vanish
        invocation_id = await e.send("S/work")
        await e.rest(40)
        head = await e.head(invocation_id)
        assert head.status is Status.BACKING_OFF
        assert head.last_failure is not None
        assert head.last_failure.rt_code == "RT0018"
        e.registry.put(deployment(services()))
        await e.rest(120)
        assert (await e.outcome(invocation_id)).value == b"here"


@in_virtual_time
async def test_a_barrier_waits_for_the_store() -> None:
    """A handler that asks before its first closure is told yes once all it builds on is stored."""
    async with EngineUnderTest() as e:
        e.script.takes = True
        answered: list[bool] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            answered.append(await attempt.checkpoint.barrier())
            return [f.output(), f.END]

        e.script["S/work"] = handler
        await e.call("S/work")
        assert answered == [True]


@in_virtual_time
async def test_a_sleep_that_an_attempt_sees_end_is_entered() -> None:
    """A handler with a checkpoint may enter the end of a sleep itself, and nobody enters it twice."""
    async with EngineUnderTest() as e:
        over = f.completion(T.SLEEP_COMPLETION, 1, void=pb.Void())
        stepping(
            e, [f.sleep(1, e.clock.now_ms() + 10), over, f.run(2), f.run_result(2)], then=[f.suspension(signals=(17,))]
        )
        invocation_id = await e.send("S/work")
        await e.rest(60)
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.rest(60)
        assert (await e.types(invocation_id)).count(T.SLEEP_COMPLETION) == 1
        assert len(e.script.attempts) == 1
