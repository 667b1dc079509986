"""A process begins no attempt that its time does not suffice for."""

from __future__ import annotations

import asyncio

from holdfast_aws.runtime.deadline import Deadline, PunctualInvoker
from holdfast_engine.records import Status
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time


def punctual(e: EngineUnderTest, *, seconds: float, margin_s: float = 10) -> Deadline:
    """Give the engine's process a deadline."""
    deadline = Deadline(clock=e.clock, margin_ms=int(margin_s * 1000))
    deadline.begin(remaining_ms=int(seconds * 1000))
    e.world.invoker = PunctualInvoker(e.script, deadline)
    return deadline


@in_virtual_time
async def test_an_attempt_gets_the_time_that_is_left() -> None:
    """An attempt is cut off when the process must end, if its own abort timeout is later."""
    async with EngineUnderTest() as e:
        punctual(e, seconds=300)
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        await e.call("S/work")
        assert e.script.attempts[0].timeout_ms == 290_000


@in_virtual_time
async def test_an_attempt_that_may_be_cut_off_is_handed_over() -> None:
    """With less than half of its time left a process begins nothing more, and another process goes on at once."""
    async with EngineUnderTest() as e:
        later = punctual(e, seconds=300)

        async def slow(attempt: Attempt) -> list[bytes]:
            await asyncio.sleep(200)
            return [f.run(1), f.proposal(1), f.suspension(1)] if attempt.number == 1 else [f.output(b"done"), f.END]

        e.script["S/work"] = slow
        invocation_id = await e.send("S/work")
        await e.rest(199)
        e.world.wakeups = Silent()  # type: ignore[assignment]
        await e.rest(2)
        assert len(e.script.attempts) == 1
        head = await e.head(invocation_id)
        assert (head.status, head.failed_attempts) == (Status.BACKING_OFF, 0)
        assert head.last_failure is not None
        assert "another one goes on" in head.last_failure.message
        e.world.wakeups = e.wakeups
        later.begin(remaining_ms=600_000)
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        assert (await e.outcome(invocation_id)).value == b"done"


class Silent:
    """Wake-ups that nobody hears yet."""

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None: ...

    async def announce(self, invocation_id: str) -> bool:
        return False

    async def watchdog(self, invocation_id: str) -> None: ...
