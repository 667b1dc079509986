"""Large values: the journal refers to them, and nobody on the wire ever sees that."""

from __future__ import annotations

import pytest

from holdfast_engine.blobs import REFERENCE_TYPE
from holdfast_engine.journal import type_of
from holdfast_engine.world import Settings
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.ids import encode_awakeable_id
from holdfast_protocol.manifest import Options
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time
from tests.unit.engine.test_workflows import awaiting

LARGE = b"x" * 5000
SMALL_LIMIT = Settings(blob_bytes_min=1000)


@pytest.mark.parametrize("takes", [False, True])
def test_large_frames_travel_whole(takes: bool) -> None:
    """Input, step and output of any size come out as they went in; the pages only refer to them."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(settings=SMALL_LIMIT) as e:
            e.script.takes = takes

            async def handler(attempt: Attempt) -> list[bytes]:
                assert pb.InputCommand.FromString(attempt.request.entries[0][8:]).value.content == LARGE
                if attempt.checkpoint is not None:
                    assert await attempt.checkpoint.append([f.run(1), f.run_result(1, LARGE)])
                elif attempt.number == 1:
                    return [f.run(1), f.proposal(1, LARGE), f.suspension(1)]
                return [f.output(LARGE), f.END]

            e.script["S/work"] = handler
            finished = await e.call("S/work", LARGE, idempotency_key="once")
            assert finished.outcome.value == LARGE
            assert (await e.call("S/work", LARGE, idempotency_key="once")).outcome.value == LARGE
            assert f.run_result(1, LARGE) in await e.entries(finished.invocation_id)
            stored = (await e.head(finished.invocation_id)).page.frames
            assert sum(map(len, stored)) < 1000
            assert type_of(stored[0]) == REFERENCE_TYPE
            assert len(e.blobs.blobs) == 3

    play()


@in_virtual_time
async def test_large_input_costs_no_more_than_a_small_one() -> None:
    """With its large values elsewhere a call of one step is as cheap as any."""
    async with EngineUnderTest(settings=SMALL_LIMIT) as e:
        e.script["S/work"] = answers([f.run(1), f.proposal(1), f.suspension(1)], [f.output(), f.END])
        await e.call("S/work", LARGE)
        assert e.inner.meter.write_units == 3


@in_virtual_time
async def test_large_results_reach_their_callers() -> None:
    """A large parameter and a large result pass between handlers, through a note that only refers to it."""
    async with EngineUnderTest(settings=SMALL_LIMIT) as e:
        e.script["S/parent"] = awaiting(2, f.call("S", "child", (1, 2), parameter=LARGE))

        async def child(attempt: Attempt) -> list[bytes]:
            received = pb.InputCommand.FromString(attempt.request.entries[0][8:]).value.content
            return [f.output(received + b"!"), f.END]

        e.script["S/child"] = child
        assert (await e.call("S/parent")).outcome.value == LARGE + b"!"


@in_virtual_time
async def test_large_signals_are_restored() -> None:
    """An awakeable completed with a large value hands on that value."""
    async with EngineUnderTest(settings=SMALL_LIMIT) as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if len(attempt.types) == 1:
                return [f.suspension(signals=(1, 17))]
            signal = pb.Notification.FromString(attempt.request.entries[1][8:])
            return [f.output(signal.value.content), f.END]

        e.script["S/work"] = handler
        e.script["S/other"] = answers([f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest(1)
        awakeable = encode_awakeable_id(e.script.attempts[0].request.start.id, 17)
        e.script["S/other"] = answers([f.complete_awakeable(awakeable, LARGE), f.output(), f.END])
        await e.call("S/other")
        assert (await e.outcome(invocation_id)).value == LARGE


@in_virtual_time
async def test_blobs_go_with_their_invocation() -> None:
    """When an invocation is forgotten, so are its large values."""
    options = Options(journal_retention_ms=3_600_000)
    async with EngineUnderTest(settings=SMALL_LIMIT, deployments=[deployment(services(S=options))]) as e:
        await e.engine.start()
        e.script["S/work"] = answers([f.output(LARGE), f.END])
        await e.call("S/work", LARGE)
        assert e.blobs.blobs
        await e.rest(4000)
        assert not e.blobs.blobs
        await e.engine.stop()


@in_virtual_time
async def test_equal_values_are_kept_once() -> None:
    """Two steps of one invocation with the same large result refer to one blob."""
    async with EngineUnderTest(settings=SMALL_LIMIT) as e:
        same = [f.run(1), f.proposal(1, LARGE), f.run(2), f.proposal(1, LARGE)]
        e.script["S/work"] = answers([*same, f.suspension(1)], [f.output(), f.END])
        await e.call("S/work")
        assert len(e.blobs.blobs) == 1
