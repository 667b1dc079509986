"""Calls and sends between handlers: made once, in order, answered to everybody who asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_engine.ids import child_id, idempotent_id
from holdfast_engine.records import Caller, Failure, Head, Status
from holdfast_local.codec import decode_lock, encode
from holdfast_protocol import messages
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Handler, Hooked, answers, target
from tests.support.virtual_time import EPOCH_MS, in_virtual_time

T = MessageType


def calling(*commands: bytes, result_id: int = 2) -> Handler:
    """Return a handler that issues commands at once and returns the result of one of them."""

    async def handler(attempt: Attempt) -> list[bytes]:
        result = attempt.notification(result_id)
        if result is None:
            return [*(commands if len(attempt.types) == 1 else ()), f.suspension(result_id)]
        if result.WhichOneof("result") == "failure":
            return [f.output_failure(result.failure.code, result.failure.message), f.END]
        return [f.output(result.value.content), f.END]

    return handler


@in_virtual_time
async def test_a_call_brings_back_the_result() -> None:
    """The callee's value reaches the caller, with the parameter and headers it was called with."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = calling(
            f.call("S", "child", (1, 2), parameter=b"p", headers=[pb.Header(key="h", value="v")])
        )
        e.script["S/child"] = answers([f.output(b"x"), f.END])
        finished = await e.call("S/parent")
        assert finished.outcome.value == b"x"
        assert await e.types(finished.invocation_id) == [
            T.INPUT,
            T.CALL,
            T.CALL_INVOCATION_ID_COMPLETION,
            T.CALL_COMPLETION,
            T.OUTPUT,
        ]
        child = next(attempt for attempt in e.script.attempts if attempt.request.handler == "child")
        received = pb.InputCommand.FromString(child.request.entries[0][8:])
        assert received.value.content == b"p"
        assert [(header.key, header.value) for header in received.headers] == [("h", "v")]
        told = await child_of(e, finished.invocation_id)
        assert child.id == told
        assert (await e.head(child.id)).caller == Caller(invocation_id=finished.invocation_id, completion_id=1)


@in_virtual_time
async def test_a_failure_passes_through_as_it_is() -> None:
    """Code, message and metadata of the callee's failure reach the caller unchanged."""
    async with EngineUnderTest() as e:
        wire = pb.Failure(code=418, message="teapot", metadata=[pb.FailureMetadata(key="k", value="v")])
        e.script["S/parent"] = calling(f.call("S", "child", (1, 2)))
        e.script["S/child"] = answers([messages.encode(pb.OutputCommand(failure=wire)), f.END])
        finished = await e.call("S/parent")
        sent = e.script.of(finished.invocation_id)[-1].notification(2)
        assert sent is not None
        assert sent.failure == wire


@in_virtual_time
async def test_the_callees_id_is_known_at_once() -> None:
    """A handler that asks for the id of what it called need not wait for the callee."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = answers([f.call("S", "child", (1, 2)), f.suspension(1)], [f.output(), f.END])
        e.script["S/child"] = answers([f.suspension(signals=(17,))])
        before = e.clock.now_ms()
        await e.call("S/parent")
        assert e.clock.now_ms() == before


@in_virtual_time
async def test_a_tree_of_all_wakes_once() -> None:
    """Who awaits twenty calls together is sent one attempt when the last has ended, and each of them is made once."""
    async with EngineUnderTest() as e:
        results = [2 * number + 2 for number in range(20)]
        calls = [f.call("S", "child", (2 * number + 1, 2 * number + 2)) for number in range(20)]
        both = pb.Future(waiting_completions=results, combinator_type=f.ALL_COMPLETED)
        tree = pb.Future(waiting_signals=[1], nested_futures=[both], combinator_type=f.FIRST_COMPLETED)
        e.script["S/parent"] = answers([*calls, f.suspension_on(tree)], [f.output(), f.END])

        async def child(attempt: Attempt) -> list[bytes]:
            if attempt.number == 2:
                return [f.output(), f.END]
            return [f.sleep(1, e.clock.now_ms() + 100 * len(e.script.attempts)), f.suspension(1)]

        e.script["S/child"] = child
        finished = await e.call("S/parent")
        assert len(e.script.of(finished.invocation_id)) == 2
        assert len(e.script.attempts) == 42
        # Each child: create, suspend, acquire, end, note. The parent: create, suspend over three pages, acquire, end.
        assert e.inner.meter.write_units <= 20 * 5 + 8


@in_virtual_time
async def test_a_redelivery_meets_its_own_children() -> None:
    """A parent that is met again after a crash makes no second child, and its child runs though nobody had woken it."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = calling(f.call("S", "child", (1, 2)))
        e.script["S/child"] = answers([f.sleep(1, e.clock.now_ms() + 5000), f.suspension(1)], [f.output(b"x"), f.END])
        invocation_id = await e.send("S/parent")
        await e.rest(1)
        for _ in range(3):
            await e.crash()
            e = e.restarted()
            await e.__aenter__()
            await e.rest(0.5)
        assert (await e.outcome(invocation_id)).value == b"x"
        children = {attempt.id for attempt in e.script.attempts if attempt.request.handler == "child"}
        assert len(children) == 1


@in_virtual_time
async def test_a_call_joins_an_idempotent_request() -> None:
    """A call with an idempotency key that was used before gets the outcome of that invocation, running or ended."""
    async with EngineUnderTest() as e:
        runs = []

        async def child(attempt: Attempt) -> list[bytes]:
            runs.append(attempt.id)
            return [f.output(b"x"), f.END] if attempt.number > 1 else [f.sleep(1, EPOCH_MS + 5000), f.suspension(1)]

        e.script["S/child"] = child
        e.script["S/parent"] = calling(f.call("S", "child", (1, 2), idempotency_key="once"))
        original = await e.send("S/child", idempotency_key="once")
        await e.rest(1)
        assert (await e.call("S/parent")).outcome.value == b"x"
        assert (await e.call("S/parent")).outcome.value == b"x"
        assert set(runs) == {original}
        assert original == idempotent_id(target("S/child"), "once")


@in_virtual_time
async def test_a_workflow_is_called_once() -> None:
    """The second caller of a workflow's run gets a 409, and the first one its result."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"ran"), f.END])
        e.script["S/parent"] = calling(f.call("W", "run", (1, 2), key="k"))
        first = await e.send("S/parent")
        await e.rest(1)
        second = await e.call("S/parent")
        assert second.outcome.failure is not None
        assert second.outcome.failure.code == 409
        assert (await e.outcome(first)).value == b"ran"
        third = await e.call("S/parent")
        assert third.outcome.failure is not None
        assert third.outcome.failure.code == 409


@in_virtual_time
async def test_the_workflows_own_caller_is_no_stranger() -> None:
    """A caller whose workflow call is performed again after a crash gets the result and not its own 409."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"ran"), f.END])
        e.script["S/parent"] = calling(f.call("W", "run", (1, 2), key="k"))
        caller = await e.send("S/parent")
        await e.rest(1)
        await e.crash()
        async with e.restarted() as next_one:
            assert (await next_one.outcome(caller)).value == b"ran"


@in_virtual_time
async def test_a_delayed_send_starts_when_due() -> None:
    """A message with a start time waits for it, also across a crash; its sender does not."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = answers([f.send("S", "child", 1, invoke_time=EPOCH_MS + 60_000), f.output(), f.END])
        e.script["S/child"] = answers([f.output(), f.END])
        finished = await e.call("S/parent")
        child = await child_of(e, finished.invocation_id)
        await e.rest(1)
        assert await e.status(child) is Status.SCHEDULED
        await e.crash()
        async with e.restarted() as next_one:
            await next_one.rest(58)
            assert await next_one.status(child) is Status.SCHEDULED
            await next_one.rest(2)
            assert await next_one.status(child) is Status.COMPLETED


@pytest.mark.parametrize("invoke_time", [0, 1, EPOCH_MS])
def test_a_send_for_the_past_is_for_now(invoke_time: int) -> None:
    """No start time, or one that is over, starts at once."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script["S/parent"] = answers([f.send("S", "child", 1, invoke_time=invoke_time), f.output(), f.END])
            e.script["S/child"] = answers([f.output(), f.END])
            await e.call("S/parent")
            await e.rest(0.01)
            assert [attempt.request.handler for attempt in e.script.attempts] == ["parent", "child"]

    play()


@in_virtual_time
async def test_sends_to_one_key_keep_their_order() -> None:
    """What one handler sends to one key runs in the order in which it was sent (K2)."""
    async with EngineUnderTest() as e:
        sends = [f.send("O", "add", number, key="k", parameter=b"%d" % number) for number in range(1, 30)]
        e.script["S/parent"] = answers([*sends, f.output(), f.END])
        e.script["O/add"] = answers([f.output(), f.END])
        await e.call("S/parent")
        await e.rest(60)
        assert inputs(e, "add") == list(range(1, 30))


def inputs(e: EngineUnderTest, handler: str) -> list[int]:
    """Return the inputs of a handler's attempts in the order in which they were run."""
    return [
        int(pb.InputCommand.FromString(attempt.request.entries[0][8:]).value.content)
        for attempt in e.script.attempts
        if attempt.request.handler == handler
    ]


@in_virtual_time
async def test_a_send_whose_sender_died_half_way_still_comes_first() -> None:
    """One that was created and not in line yet when its sender died gets in line before the next one does (K2)."""
    async with EngineUnderTest() as e:
        sends = [f.send("O", "add", number, key="k", parameter=b"%d" % number) for number in (1, 2, 3)]
        e.script["S/parent"] = answers([*sends, f.suspension(signals=(17,))])
        e.script["O/other"] = answers([f.sleep(1, EPOCH_MS + 1000), f.suspension(1)], [f.output(), f.END])
        e.script["O/add"] = answers([f.output(), f.END])
        await e.send("O/k/other")
        parent = await e.send("S/parent")
        await e.rest(0.5)
        await e.crash()
        await unqueue(e, parent)
        async with e.restarted() as next_one:
            await next_one.engine.advance(parent)
            await next_one.rest(60)
            assert inputs(e, "add") == [1, 2, 3]


async def child_of(e: EngineUnderTest, parent: str, *, service: str = "S", number: int = 1) -> str:
    """Return the id of what a parent's call or send creates."""
    return child_id(service, parent_id=parent, nonce=(await e.head(parent)).nonce, completion_id=number)


async def unqueue(e: EngineUnderTest, parent: str) -> None:
    """Bring the store to where a sender has just created its first message and died: no ticket, no others."""
    ids = [await child_of(e, parent, service="O", number=number) for number in (1, 2, 3)]
    write = e.inner.database.write
    write("DELETE FROM wait")
    write("DELETE FROM head WHERE id IN (?, ?)", (ids[1], ids[2]))
    e.inner._cache.clear()
    lock = "SELECT record FROM lock"
    assert e.inner.database.read(lock).fetchone() is not None
    record = decode_lock(e.inner.database.read(lock).fetchone()[0])
    write("UPDATE lock SET record = ?", (encode(replace(record, next=record.serving + 1)),))


@in_virtual_time
async def test_a_result_for_a_caller_that_has_ended_is_dropped() -> None:
    """A callee may outlive its caller; its result reaches nobody and leaves nothing behind."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = answers([f.call("S", "child", (1, 2)), f.output(), f.END])
        e.script["S/child"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(), f.END])
        finished = await e.call("S/parent")
        await e.rest(60)
        head: Head = await e.head(finished.invocation_id)
        assert head.status is Status.COMPLETED
        assert await e.inner.notes(finished.invocation_id) == ()


@in_virtual_time
async def test_an_attempt_between_two_children_sees_the_first() -> None:
    """Results are entered in the order in which they arrived."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = answers(
            [f.call("S", "child", (1, 2)), f.call("S", "other", (3, 4)), f.suspension(2, 4)],
            [f.suspension(2)],
            [f.output(), f.END],
        )
        e.script["S/child"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"slow"), f.END])
        e.script["S/other"] = answers([f.output(b"quick"), f.END])
        finished = await e.call("S/parent")
        types = await e.types(finished.invocation_id)
        assert types.count(T.CALL_COMPLETION) == 2
        second, third = e.script.of(finished.invocation_id)[1:]
        assert second.notification(4) is not None
        assert second.notification(2) is None
        assert third.notification(2) is not None


@in_virtual_time
async def test_a_failed_attempts_calls_are_made() -> None:
    """The commands in front of an error stand in the journal, so they take effect, once."""
    async with EngineUnderTest() as e:
        calls = [f.call("S", "child", (1, 2)), f.error()]
        e.script["S/parent"] = answers(calls, [f.suspension(2)], [f.output(), f.END])
        e.script["S/child"] = answers([f.output_failure(500, "no"), f.END])
        finished = await e.call("S/parent")
        result = e.script.of(finished.invocation_id)[-1].notification(2)
        assert result is not None
        assert Failure(code=result.failure.code, message=result.failure.message) == Failure(code=500, message="no")
        assert [attempt.request.handler for attempt in e.script.attempts].count("child") == 1


@in_virtual_time
async def test_a_workflow_that_ended_unheard_answers_its_own_caller() -> None:
    """When a called workflow has ended and died before it told, its caller meets it and gets the result, not a 409."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)

        async def hang(*_: object, **__: object) -> None:
            await e.rest(10**6)

        e.script["W/run"] = answers([f.output(b"ran"), f.END])
        e.script["S/parent"] = calling(f.call("W", "run", (1, 2), key="k"))
        e.store.hooks["before_note"] = hang
        caller = await e.send("S/parent")
        await e.rest(1)
        assert await e.inner.notes(caller) == ()
        await e.crash()
        next_one = EngineUnderTest(script=e.script, inner=e.inner, deployments=e.registry.deployments(), dice=e.dice)
        await next_one.engine.advance(caller)
        assert (await next_one.outcome(caller)).value == b"ran"
        await next_one.crash()
