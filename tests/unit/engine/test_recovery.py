"""Recovery: from the tables alone everything goes on, whatever it was waiting for when its messages were lost."""

from __future__ import annotations

from holdfast_engine.records import Status
from holdfast_engine.upkeep import recover
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time

# When each of them is due, in seconds from the beginning; the process dies after one second.
SLEEP_S, START_S, RETRY_S = 1_000, 2_000, 5


def _services(e: EngineUnderTest) -> None:
    """Handlers that sleep, fail once, hold a key for a while, and call one that sleeps."""
    now = e.clock.now_ms()

    async def failing(attempt: Attempt) -> list[bytes]:
        if attempt.number == 1:
            return [f.error(next_retry_delay=RETRY_S * 1000)]
        return [f.output(b"tried again"), f.END]

    async def calling(attempt: Attempt) -> list[bytes]:
        if attempt.number == 1:
            return [f.call("S", "child", (1, 2)), f.suspension(2)]
        return [f.output(b"called"), f.END]

    sleeping = [f.sleep(1, now + SLEEP_S * 1000), f.suspension(1)]
    e.script["S/child"] = answers(sleeping, [f.output(b"slept"), f.END])
    e.script["S/other"] = failing
    e.script["S/parent"] = calling
    e.script["S/work"] = answers([f.output(b"begun"), f.END])
    e.script["O/add"] = answers(sleeping, [f.output(b"held"), f.END])


@in_virtual_time
async def test_everything_goes_on_in_its_time() -> None:
    """A sleeper, a parent, a failed one, a delayed one, a key's holder and who waits behind it: all end, none early."""
    async with EngineUnderTest() as e:
        began = e.clock.now_ms()
        _services(e)
        delayed = await e.send("S/work", invoke_at_ms=began + START_S * 1000)
        due_s = {
            await e.send("S/child"): SLEEP_S,
            await e.send("S/parent"): SLEEP_S,
            await e.send("S/other"): RETRY_S,
            await e.send("O/k/add"): SLEEP_S,
            await e.send("O/k/add", b"2"): SLEEP_S,
            delayed: START_S,
        }
        await e.rest(1)
        statuses = {await e.status(each) for each in due_s}
        assert statuses == {Status.SUSPENDED, Status.BACKING_OFF, Status.QUEUED, Status.SCHEDULED}
        # The wake-ups of the embedded server die with it; recovery is how its next start begins.
        await e.crash()
        async with e.restarted() as next_one:
            for invocation_id, seconds in sorted(due_s.items(), key=lambda each: each[1]):
                outcome = await next_one.outcome(invocation_id)
                assert outcome.value, outcome
                completed_ms = (await next_one.head(invocation_id)).completed_ms
                assert completed_ms is not None
                assert completed_ms >= began + seconds * 1000


@in_virtual_time
async def test_recovering_again_and_beside_traffic_does_no_harm() -> None:
    """Recovered three times while everything is as it should be, nothing runs more often than without."""
    async with EngineUnderTest() as e:
        _services(e)
        ids = [await e.send("S/child"), await e.send("S/parent"), await e.send("O/k/add")]
        await e.rest(1)
        for _ in range(3):
            assert await recover(e.world) >= len(ids)
            await e.rest(1)
        for invocation_id in ids:
            await e.outcome(invocation_id)
            assert len(e.script.of(invocation_id)) == 2
