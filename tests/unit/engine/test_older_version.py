"""Endpoints that refuse a protocol version which they said they speak."""

from __future__ import annotations

import asyncio

from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.records import Status
from holdfast_engine.registry import PROTOCOL_CAP
from tests.support import wire_frames as f
from tests.support.engine_world import DEPLOYMENT, Attempt, EngineUnderTest, deployment, services
from tests.support.virtual_time import in_virtual_time

_REFUSAL = AttemptFailure(code=415, message="too new", rt_code="RT0015", is_counted=False)
_DONE = [f.output(), f.END]


class Endpoint:
    """Speaks versions up to a newest one; remembers in which it was asked."""

    def __init__(self, newest: int, *, done: list[bytes] | None = None) -> None:
        self.newest = newest
        self.asked: list[int] = []
        self._done = _DONE if done is None else done

    async def __call__(self, attempt: Attempt) -> list[bytes] | Answer:
        """Answer an attempt."""
        version = attempt.request.protocol_version
        self.asked.append(version)
        return self._done if version <= self.newest else Answer(frames=(), failure=_REFUSAL)


def _caps(e: EngineUnderTest) -> dict[str, str]:
    known = e.engine.registry.deployment(DEPLOYMENT)
    assert known is not None
    return dict(known.metadata)


@in_virtual_time
async def test_a_refused_version_gives_way_to_an_older_one() -> None:
    """An attempt that was refused is made at once in the version below, without a pause."""
    async with EngineUnderTest() as e:
        endpoint = e.script["S/work"] = Endpoint(5)
        began_ms = e.clock.now_ms()
        await e.call("S/work")
        assert endpoint.asked == [7, 6, 5]
        assert e.clock.now_ms() == began_ms


@in_virtual_time
async def test_the_older_version_is_spoken_from_then_on() -> None:
    """The deployment shows what it was capped at, and further invocations begin with that."""
    async with EngineUnderTest() as e:
        endpoint = e.script["S/work"] = Endpoint(6)
        await e.call("S/work")
        await e.call("S/work")
        assert endpoint.asked == [7, 6, 6]
        assert _caps(e) == {PROTOCOL_CAP: "6"}


@in_virtual_time
async def test_many_refusals_at_once_lower_it_once() -> None:
    """Attempts that are refused side by side do not lower the version once each."""
    async with EngineUnderTest() as e:
        endpoint = e.script["S/work"] = Endpoint(6)
        await asyncio.gather(*(e.call("S/work") for _ in range(5)))
        assert endpoint.asked.count(6) == 5
        assert 5 not in endpoint.asked
        assert _caps(e) == {PROTOCOL_CAP: "6"}


@in_virtual_time
async def test_what_has_entries_keeps_its_version() -> None:
    """A journal is not translated: it waits, by its retry policy, for an endpoint that takes its version again."""
    async with EngineUnderTest() as e:
        endpoint = e.script["S/work"] = Endpoint(7, done=[f.run(1), f.error()])
        invocation_id = await e.send("S/work")
        await asyncio.sleep(0.1)
        endpoint.newest = 6
        await asyncio.sleep(5)
        head = await e.head(invocation_id)
        assert (head.status, head.protocol_version) == (Status.BACKING_OFF, 7)
        assert head.last_failure is not None
        assert head.last_failure.rt_code == "RT0015"
        assert set(endpoint.asked) == {7}
        assert _caps(e) == {}


@in_virtual_time
async def test_who_speaks_nothing_older_is_tried_again() -> None:
    """Where there is no version below, the refusal is a failure like any other."""
    async with EngineUnderTest(deployments=[deployment(services(), versions=(7, 7))]) as e:
        e.script["S/work"] = Endpoint(6)
        invocation_id = await e.send("S/work")
        await asyncio.sleep(5)
        head = await e.head(invocation_id)
        assert (head.status, head.failed_attempts > 0) == (Status.BACKING_OFF, True)
        assert _caps(e) == {}
