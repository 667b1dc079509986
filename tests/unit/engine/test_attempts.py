"""One attempt after another: what an attempt is sent, what its answer becomes, and what a bad answer costs."""

from __future__ import annotations

import pytest

from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.records import Failure, Outcome, Status
from holdfast_engine.world import Settings
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import encode_frame
from holdfast_protocol.messages import MessageType, encode
from holdfast_protocol.schema_pb2 import Failure as WireFailure
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType


@in_virtual_time
async def test_a_handler_that_ends_at_once_takes_one_attempt() -> None:
    """An output and an end complete the invocation with that output."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"hi"), f.END])
        finished = await e.call("S/work")
        assert finished.outcome == Outcome(value=b"hi")
        assert len(e.script.attempts) == 1
        assert await e.types(finished.invocation_id) == [T.INPUT, T.OUTPUT]


@in_virtual_time
async def test_a_terminal_failure_is_the_outcome() -> None:
    """A failed output completes the invocation with the failure as it travelled."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output_failure(418, "teapot"), f.END])
        assert (await e.call("S/work")).outcome == Outcome(failure=Failure(code=418, message="teapot"))


@in_virtual_time
async def test_the_last_output_counts() -> None:
    """Of two outputs the later one is the outcome."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"1"), f.output(b"2"), f.END])
        assert (await e.call("S/work")).outcome == Outcome(value=b"2")


@in_virtual_time
async def test_a_proposal_becomes_the_run_notification_at_its_place() -> None:
    """What stands behind a proposal may build on it, so its notification takes the proposal's very place."""
    async with EngineUnderTest() as e:
        first = [f.run(1, "a"), f.run(2, "b"), f.proposal(2, b"y"), f.set_state("n", b"1"), f.proposal(1, b"x")]
        e.script["O/add"] = answers([*first, f.suspension(1)], [f.output(), f.END])
        finished = await e.call("O/k/add")
        entries = await e.entries(finished.invocation_id)
        assert entries[1:6] == (
            f.run(1, "a"),
            f.run(2, "b"),
            f.run_result(2, b"y"),
            f.set_state("n", b"1"),
            f.run_result(1, b"x"),
        )


@in_virtual_time
async def test_a_failed_step_is_recorded_as_failure() -> None:
    """A proposal that carries a failure is recorded as the failure of that step."""
    async with EngineUnderTest() as e:
        wire = WireFailure(code=400, message="no", metadata=[pb.FailureMetadata(key="k", value="v")])
        proposal = encode(pb.ProposeRunCompletion(result_completion_id=1, failure=wire))
        e.script["S/work"] = answers([f.run(1), proposal, f.suspension(1)], [f.output(), f.END])
        await e.call("S/work")
        sent = e.script.attempts[1].notification(1)
        assert sent is not None
        assert sent.failure == wire


@in_virtual_time
async def test_a_resolved_suspension_goes_on_at_once() -> None:
    """A suspension on a run's own result leads to the next attempt in no time."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.run(1), f.proposal(1), f.suspension(1)], [f.output(), f.END])
        before = e.clock.now_ms()
        await e.call("S/work")
        assert e.clock.now_ms() == before
        assert e.script.attempts[1].types == [T.INPUT, T.RUN, T.RUN_COMPLETION]


@in_virtual_time
async def test_the_request_says_what_it_is_about() -> None:
    """Start carries the id, the number of entries, the key, the state and the idempotency key."""
    async with EngineUnderTest() as e:
        e.script["O/add"] = answers([f.set_state("b", b"2"), f.set_state("a", b"1"), f.output(), f.END])
        await e.call("O/k/add")
        e.script["O/add"] = answers([f.output(), f.END])
        finished = await e.call("O/k/add", idempotency_key="once")
        request = e.script.of(finished.invocation_id)[0].request
        assert (request.service, request.handler, request.protocol_version) == ("O", "add", 7)
        start = request.start
        assert start.debug_id == finished.invocation_id
        assert start.known_entries == len(request.entries) == 1
        assert start.key == "k"
        assert not start.partial_state
        assert {entry.key: entry.value for entry in start.state_map} == {b"a": b"1", b"b": b"2"}
        assert start.idempotency_key == "once"
        assert start.retry_count_since_last_stored_entry == 0


@in_virtual_time
async def test_a_service_without_state_gets_partial_state() -> None:
    """A plain service is sent an empty and partial state map, so that nothing is taken for known."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        await e.call("S/work")
        start = e.script.attempts[0].request.start
        assert start.partial_state
        assert not start.state_map


@pytest.mark.parametrize("version", [5, 6, 7])
def test_a_deployment_is_spoken_to_in_its_newest_version(version: int) -> None:
    """Fields that came with a later protocol version are not sent to an older SDK."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(deployments=[deployment(services(), versions=(5, version))]) as e:
            e.script["S/work"] = answers([f.output(), f.END])
            await e.call("S/work", idempotency_key="once")
            request = e.script.attempts[0].request
            assert request.protocol_version == version
            assert request.start.HasField("idempotency_key") == (version == 7)
            assert (request.start.random_seed != 0) == (version >= 6)

    play()


@in_virtual_time
async def test_the_random_seed_is_the_invocations_own() -> None:
    """Every attempt of an invocation gets the same seed, another invocation another one."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.run(1), f.proposal(1), f.suspension(1)], [f.output(), f.END])
        await e.call("S/work")
        await e.call("S/work")
        seeds = [attempt.request.start.random_seed for attempt in e.script.attempts]
        assert seeds[0] == seeds[1] != seeds[2] == seeds[3]


NO_TERMINATOR = [f.run(1, "a"), f.proposal(1)]


@in_virtual_time
async def test_an_answer_without_end_keeps_what_came() -> None:
    """A missing terminator fails the attempt, and the complete frames in front of it are kept."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers(NO_TERMINATOR, [f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(0.1)
        head = await e.head(invocation_id)
        assert head.status is Status.BACKING_OFF
        assert head.last_failure is not None
        assert head.last_failure.rt_code == "RT0012"
        assert await e.types(invocation_id) == [T.INPUT, T.RUN, T.RUN_COMPLETION]
        await e.rest()
        assert await e.status(invocation_id) is Status.COMPLETED


GARBAGE = {
    "an unknown type": encode_frame(0x0777, b""),
    "a private type": encode_frame(0xFC01, b"x"),
    "a malformed command": encode_frame(T.SLEEP, b"\xff\xff\xff"),
    "a malformed proposal": encode_frame(T.PROPOSE_RUN_COMPLETION, b"\xff\xff\xff"),
    "a malformed suspension": encode_frame(T.SUSPENSION, b"\xff"),
    "a malformed error": encode_frame(T.ERROR, b"\xff"),
    "an input": f.input_(),
    "a start": encode(pb.Start(debug_id="x")),
    "an acknowledgement": encode(pb.ProposeRunCompletionAck(completion_id=1)),
    "a run's notification": f.run_result(1),
    "a signal": f.signal(17),
    "a suspension on nothing": encode(pb.Suspension()),
    "a suspension on an empty node": f.suspension_on(pb.Future(nested_futures=[pb.Future()])),
}


@pytest.mark.parametrize("bad", GARBAGE)
def test_a_frame_that_may_not_come_fails_the_attempt(bad: str) -> None:
    """Garbage is a failed attempt; the frames before it are kept, those behind it are not."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script["S/work"] = answers([f.run(1), GARBAGE[bad], f.run(2), f.END], [f.output(), f.END])
            invocation_id = await e.send("S/work")
            await e.rest(0.1)
            head = await e.head(invocation_id)
            assert head.status is Status.BACKING_OFF
            assert head.last_failure is not None
            assert head.last_failure.code == 500
            assert head.last_failure.rt_code == "RT0012"
            assert await e.types(invocation_id) == [T.INPUT, T.RUN]
            await e.rest()
            assert await e.status(invocation_id) is Status.COMPLETED

    play()


@in_virtual_time
async def test_what_comes_behind_the_terminator_is_ignored() -> None:
    """Bytes behind the terminator change nothing."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"1"), f.END, f.output(b"2"), f.END])
        assert (await e.call("S/work")).outcome == Outcome(value=b"1")


@in_virtual_time
async def test_awaiting_on_is_only_for_the_eye() -> None:
    """An AwaitingOn frame is neither stored nor refused."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([encode(pb.AwaitingOn()), f.output(), f.END])
        finished = await e.call("S/work")
        assert await e.types(finished.invocation_id) == [T.INPUT, T.OUTPUT]


@in_virtual_time
async def test_an_end_without_output_fails_the_attempt() -> None:
    """An End that no Output precedes is a bug of the SDK: a failed attempt, not a completion."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.END], [f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(0.1)
        assert await e.status(invocation_id) is Status.BACKING_OFF
        await e.rest()
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_journal_that_has_its_output_needs_only_an_end() -> None:
    """When the answer broke off behind the Output, the next attempt's bare End completes with it."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"kept")], [f.END])
        assert (await e.call("S/work")).outcome == Outcome(value=b"kept")


@in_virtual_time
async def test_an_endless_journal_is_parked() -> None:
    """A journal that outgrows its bound pauses the invocation with a reason, and loses nothing."""
    async with EngineUnderTest(settings=Settings(journal_entries_max=20)) as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            return [f.run(attempt.number), f.proposal(attempt.number), f.suspension(attempt.number)]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest()
        head = await e.head(invocation_id)
        assert head.status is Status.PAUSED
        assert head.last_failure is not None
        assert "limit is 20" in head.last_failure.message
        assert len(await e.entries(invocation_id)) == 21


@in_virtual_time
async def test_an_endless_attempt_is_parked() -> None:
    """A handler with a checkpoint that never ends its attempt is stopped at the bound as well."""
    async with EngineUnderTest(settings=Settings(journal_entries_max=20)) as e:
        e.script.takes = True

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.checkpoint is not None
            for number in range(1, 10_000):
                if not await attempt.checkpoint.append([f.run(number), f.run_result(number)]):
                    return [f.error(message="superseded")]
            return [f.output(), f.END]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest()
        head = await e.head(invocation_id)
        assert head.status is Status.PAUSED
        assert head.last_failure is not None
        assert "limit is 20" in head.last_failure.message
        assert len(await e.entries(invocation_id)) <= 22


@in_virtual_time
async def test_a_cut_answer_leaves_the_invocation_open() -> None:
    """After an answer that was cut short the handler may still be running, so the next epoch fences it."""
    async with EngineUnderTest() as e:
        cut = Answer(frames=[f.run(1)], failure=AttemptFailure(code=504, message="timed out", rt_code="RT0001"))
        e.script["S/work"] = answers(cut, [f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(0.1)
        head = await e.head(invocation_id)
        assert head.is_open
        assert head.last_failure is not None
        assert head.last_failure.rt_code == "RT0001"
        await e.rest()
        assert not (await e.head(invocation_id)).is_open


@in_virtual_time
async def test_an_invocation_is_pinned_once_it_has_entries() -> None:
    """With entries in its journal an invocation stays on its deployment; without, the newest one serves it."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.run(1), f.error()], [f.output(), f.END])
        e.script["S/other"] = answers([f.error()], [f.output(), f.END])
        pinned, free = await e.send("S/work"), await e.send("S/other")
        await e.rest(0.1)
        newer = deployment(services(), number=2)
        e.registry.put(newer)
        await e.rest()
        assert e.script.of(pinned)[-1].deployment != newer
        assert e.script.of(free)[-1].deployment == newer
        assert (await e.head(free)).deployment_id == newer.id


@in_virtual_time
async def test_a_large_input_alone_does_not_pin() -> None:
    """An invocation whose Input fills its first page still has no entry of its own and moves to the newest code."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error()], [f.output(), f.END])
        invocation_id = await e.send("S/work", b"x" * 5000)
        await e.rest(0.1)
        newer = deployment(services(), number=2)
        e.registry.put(newer)
        await e.rest()
        assert e.script.of(invocation_id)[-1].deployment == newer


@in_virtual_time
async def test_the_head_names_the_deployment_that_made_the_entries() -> None:
    """A deployment registered between creation and first attempt must not leave the journal pinned to the other."""
    async with EngineUnderTest(settings=Settings(attempts_max=1)) as e:

        async def slow(attempt: Attempt) -> list[bytes]:
            await e.rest(1)
            return [f.output(), f.END]

        e.script["S/other"] = slow
        e.script["S/work"] = answers([f.run(1), f.error()], [f.output(), f.END])
        await e.send("S/other")
        await e.rest(0.1)
        invocation_id = await e.send("S/work")
        e.registry.put(deployment(services(), number=2))
        await e.rest()
        used = {attempt.deployment.id for attempt in e.script.of(invocation_id)}
        assert used == {(await e.head(invocation_id)).deployment_id}
