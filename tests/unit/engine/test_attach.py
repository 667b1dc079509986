"""Attaching to other invocations, and asking for their output: everybody gets the same bytes (O1)."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.records import Status
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import encode_invocation_id
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, Hooked, answers
from tests.support.virtual_time import EPOCH_MS, in_virtual_time
from tests.unit.engine.test_workflows import awaiting

TARGETS: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "a workflow": ("W/k/run", {"workflow_target": pb.WorkflowTarget(workflow_name="W", workflow_key="k")}, None),
    "a request": (
        "S/work",
        {
            "idempotent_request_target": pb.IdempotentRequestTarget(
                service_name="S", handler_name="work", idempotency_key="once"
            )
        },
        "once",
    ),
    "a keyed request": (
        "O/k/add",
        {
            "idempotent_request_target": pb.IdempotentRequestTarget(
                service_name="O", service_key="k", handler_name="add", idempotency_key="once"
            )
        },
        "once",
    ),
    "an id": ("S/work", {}, None),
}


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("which", TARGETS)
def test_an_attach_waits_for_the_outcome(which: str, is_done: bool) -> None:
    """Whoever attaches by any kind of address, before or after the end, gets the outcome."""
    path, address, idempotency_key = TARGETS[which]

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            handler = "/".join(path.split("/")[:: len(path.split("/")) - 1])
            e.script[handler] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
            running = await e.send(path, idempotency_key=idempotency_key)
            await e.rest(10 if is_done else 1)
            assert await e.status(running) is (Status.COMPLETED if is_done else Status.SUSPENDED)
            e.script["S/other"] = awaiting(1, f.attach(1, **(address or {"invocation_id": running})))
            assert (await e.call("S/other")).outcome.value == b"x"
            assert await e.status(running) is Status.COMPLETED

    play()


@in_virtual_time
async def test_an_attach_to_nobody_is_not_found() -> None:
    """An id that no invocation has is answered with 404."""
    async with EngineUnderTest() as e:
        nobody = encode_invocation_id(bytes(24))
        e.script["S/other"] = awaiting(1, f.attach(1, invocation_id=nobody))
        assert (await e.call("S/other")).outcome.value == b"404"
        e.script["S/other"] = awaiting(1, f.get_output(1, invocation_id=nobody))
        assert (await e.call("S/other")).outcome.value == b"404"


@pytest.mark.parametrize("moment", ["before_attach", "after_attach", "before_commit", "after_commit"])
def test_an_end_in_the_midst_of_attaching_is_not_missed(moment: str) -> None:
    """An invocation that ends while somebody attaches tells him, whichever came first."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(store=Hooked) as e:
            assert isinstance(e.store, Hooked)
            e.script["S/work"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
            running = await e.send("S/work")
            await e.rest(1)

            async def end(*_: Any, **__: Any) -> None:
                await e.rest(10)

            e.store.hooks[moment] = end
            e.script["S/other"] = awaiting(1, f.attach(1, invocation_id=running))
            assert (await e.call("S/other")).outcome.value == b"x"

    play()


@in_virtual_time
async def test_many_attach_and_all_are_told() -> None:
    """Twenty handlers and a client that attach to one invocation all get its outcome."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
        running = await e.send("S/work")
        e.script["S/other"] = awaiting(1, f.attach(1, invocation_id=running))
        attached = [await e.send("S/other") for _ in range(20)]
        assert (await e.outcome(running)).value == b"x"
        for each in attached:
            assert (await e.outcome(each)).value == b"x"


@in_virtual_time
async def test_a_failure_is_attached_to_as_well() -> None:
    """A failed outcome reaches those who attach as that failure."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output_failure(418, "teapot"), f.END])
        ended = await e.call("S/work")
        e.script["S/other"] = awaiting(1, f.attach(1, invocation_id=ended.invocation_id))
        assert (await e.call("S/other")).outcome.value == b"418"


@in_virtual_time
async def test_an_output_asked_for_does_not_wait() -> None:
    """Asking for the output of a running invocation gives nothing, of an ended one its outcome."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.sleep(1, EPOCH_MS + 5000), f.suspension(1)], [f.output(b"x"), f.END])
        running = await e.send("S/work")
        await e.rest(1)
        e.script["S/other"] = awaiting(1, f.get_output(1, invocation_id=running))
        assert (await e.call("S/other")).outcome.value == b"void"
        await e.outcome(running)
        assert (await e.call("S/other")).outcome.value == b"x"


@in_virtual_time
async def test_one_may_attach_to_what_one_has_just_sent() -> None:
    """A send and an attach to it in one answer: the attach does not come too early to find it."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers([f.output(b"ran"), f.END])
        by_key = pb.WorkflowTarget(workflow_name="W", workflow_key="k")
        e.script["S/other"] = awaiting(2, f.send("W", "run", 1, key="k"), f.attach(2, workflow_target=by_key))
        assert (await e.call("S/other")).outcome.value == b"ran"
