"""Workflows: one run per key, promises that anybody of the workflow may complete, and their end."""

from __future__ import annotations

import pytest

from holdfast_engine.errors import AlreadyInvoked
from holdfast_engine.ids import workflow_run_id
from holdfast_engine.records import KeyRef, Status
from holdfast_protocol.manifest import HandlerManifest, Options, ServiceManifest
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import (
    Attempt,
    EngineUnderTest,
    Handler,
    Hooked,
    answers,
    deployment,
    submission,
    target,
)
from tests.support.virtual_time import EPOCH_MS, in_virtual_time

T = MessageType


def awaiting(completion_id: int, *commands: bytes) -> Handler:
    """Return a handler that issues commands and returns the value, or the failure's code, of one completion."""

    async def handler(attempt: Attempt) -> list[bytes]:
        result = attempt.notification(completion_id)
        if result is None:
            return [*(commands if len(attempt.types) == 1 else ()), f.suspension(completion_id)]
        match result.WhichOneof("result"):
            case "value":
                return [f.output(result.value.content), f.END]
            case "failure":
                return [f.output(b"%d" % result.failure.code), f.END]
            case _:
                return [f.output(b"void"), f.END]

    return handler


@in_virtual_time
async def test_a_second_call_is_refused() -> None:
    """A workflow's run is called once per key; the second call is told so, before and after its end."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers([f.sleep(1, EPOCH_MS + 1000), f.suspension(1)], [f.output(), f.END])
        first = await e.send("W/k/run")
        with pytest.raises(AlreadyInvoked, match="'k'"):
            await e.call("W/k/run")
        await e.outcome(first)
        with pytest.raises(AlreadyInvoked, match="'k'"):
            await e.call("W/k/run")
        assert first == workflow_run_id(target("W/k/run"))


@in_virtual_time
async def test_a_second_send_is_taken_for_the_first() -> None:
    """A message to a workflow that was started before is accepted as the same invocation."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers([f.output(), f.END])
        first = await e.engine.send(submission("W/k/run"))
        again = await e.engine.send(submission("W/k/run"))
        assert first.is_new
        assert not again.is_new
        assert first.invocation_id == again.invocation_id
        await e.rest(1)
        assert len(e.script.attempts) == 1


@in_virtual_time
async def test_a_promise_is_waited_for() -> None:
    """A run that waits for a promise gets what another handler of the workflow resolves it with."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = awaiting(1, f.get_promise("p", 1))
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"yes"))
        run = await e.send("W/k/run")
        await e.rest(1)
        assert await e.status(run) is Status.SUSPENDED
        assert (await e.call("W/k/tell")).outcome.value == b"void"
        assert (await e.outcome(run)).value == b"yes"


@in_virtual_time
async def test_a_promise_completed_before_is_answered_at_once() -> None:
    """Who asks for a promise that is completed does not wait, also when it was completed before the run began."""
    async with EngineUnderTest() as e:
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"yes"))
        e.script["W/run"] = awaiting(1, f.get_promise("p", 1))
        await e.call("W/k/tell")
        units = e.inner.meter.write_units
        assert (await e.call("W/k/run")).outcome.value == b"yes"
        assert e.inner.meter.write_units - units <= 5


@in_virtual_time
async def test_the_first_completion_of_a_promise_wins() -> None:
    """A later completion gets a 409, and everybody sees the first value."""
    async with EngineUnderTest() as e:
        e.script["W/ask"] = awaiting(1, f.get_promise("p", 1))
        listeners = [await e.send("W/k/ask") for _ in range(3)]
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"first"))
        assert (await e.call("W/k/tell")).outcome.value == b"void"
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"second"))
        assert (await e.call("W/k/tell")).outcome.value == b"409"
        for listener in listeners:
            assert (await e.outcome(listener)).value == b"first"


@in_virtual_time
async def test_completing_a_promise_again_after_a_crash_is_no_conflict() -> None:
    """The very command that completed a promise gets its void when it is performed a second time."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)

        async def hang(*_: object, **__: object) -> None:
            await e.rest(10**6)

        e.script["W/ask"] = awaiting(1, f.get_promise("p", 1))
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"x"))
        listener = await e.send("W/k/ask")
        await e.rest(1)
        e.store.hooks["after_complete_promise"] = hang
        sender = await e.send("W/k/tell")
        await e.rest(1)
        assert await e.status(listener) is Status.SUSPENDED
        await e.crash()
        async with e.restarted() as next_one:
            assert (await next_one.outcome(sender)).value == b"void"
            assert (await next_one.outcome(listener)).value == b"x"


@in_virtual_time
async def test_a_peek_does_not_wait() -> None:
    """A look at a promise that nobody completed is answered with nothing, at a completed one with its value."""
    async with EngineUnderTest() as e:
        e.script["W/ask"] = awaiting(1, f.peek_promise("p", 1))
        assert (await e.call("W/k/ask")).outcome.value == b"void"
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"x"))
        await e.call("W/k/tell")
        assert (await e.call("W/k/ask")).outcome.value == b"x"


@in_virtual_time
async def test_commands_of_one_answer_take_effect_in_order() -> None:
    """A look at a promise behind its completion sees it, though both came in one answer."""
    async with EngineUnderTest() as e:
        e.script["W/ask"] = awaiting(
            3, f.peek_promise("p", 1), f.complete_promise("p", 2, b"x"), f.peek_promise("p", 3)
        )
        finished = await e.call("W/k/ask")
        assert finished.outcome.value == b"x"
        before = e.script.of(finished.invocation_id)[-1].notification(1)
        assert before is not None
        assert before.WhichOneof("result") == "void"


@in_virtual_time
async def test_promises_belong_to_their_key() -> None:
    """Promises of one name under two keys are two promises."""
    async with EngineUnderTest() as e:
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"x"))
        e.script["W/ask"] = awaiting(1, f.peek_promise("p", 1))
        await e.call("W/k/tell")
        assert (await e.call("W/l/ask")).outcome.value == b"void"


@in_virtual_time
async def test_state_is_kept_for_the_shared_handlers() -> None:
    """What a run wrote is read by the workflow's other handlers, during the run and after it."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers(
            [f.set_state("n", b"1"), f.sleep(1, EPOCH_MS + 1000), f.suspension(1)], [f.output(), f.END]
        )
        e.script["W/ask"] = answers([f.output(), f.END])
        run = await e.send("W/k/run")
        await e.rest(0.5)
        for _ in range(2):
            finished = await e.call("W/k/ask")
            assert e.script.of(finished.invocation_id)[0].state == {"n": b"1"}
            await e.outcome(run)


def short_lived(retention_ms: int) -> EngineUnderTest:
    options = Options(workflow_completion_retention_ms=retention_ms)
    run = HandlerManifest(name="run", kind="workflow", options=options)
    others = tuple(HandlerManifest(name=name, kind="shared") for name in ("ask", "tell"))
    return EngineUnderTest(
        deployments=[deployment([ServiceManifest(name="W", kind="workflow", handlers=(run, *others))])]
    )


@in_virtual_time
async def test_a_workflow_may_run_again_when_it_is_forgotten() -> None:
    """When its retention is over a key is new: no state, no promise and no result of the old run is seen."""
    async with short_lived(3_600_000) as e:
        e.script["W/run"] = answers([f.set_state("n", b"1"), f.output(b"first"), f.END])
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"old"))
        e.script["W/ask"] = awaiting(1, f.peek_promise("p", 1))
        await e.call("W/k/tell")
        first = await e.call("W/k/run")
        assert first.expires_ms == first.completed_ms + 3_600_000
        await e.rest(3601)
        e.script["W/run"] = answers([f.output(b"second"), f.END])
        second = await e.call("W/k/run")
        assert second.outcome.value == b"second"
        assert e.script.of(second.invocation_id)[-1].state == {}
        assert (await e.call("W/k/ask")).outcome.value == b"void"


@in_virtual_time
async def test_the_sweep_forgets_a_workflow_wholly() -> None:
    """When its retention is over the sweep deletes its journal, its state and its promises."""
    async with short_lived(3_600_000) as e:
        await e.engine.start()
        e.script["W/run"] = answers([f.set_state("n", b"1"), f.output(), f.END])
        e.script["W/tell"] = awaiting(1, f.complete_promise("p", 1, b"old"))
        await e.call("W/k/tell")
        run = await e.call("W/k/run")
        await e.rest(4000)
        assert await e.inner.head(run.invocation_id) is None
        key = KeyRef(service="W", key="k")
        assert (await e.inner.keyed(key, with_state=True)).state == {}
        assert await e.inner.promise(key, "p") is None
        await e.engine.stop()
