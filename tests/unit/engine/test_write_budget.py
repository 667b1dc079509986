"""The write budget, to the unit: what each kind of work costs on the store, with our SDK's handlers in reach."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import holdfast
from holdfast_engine.registry import Deployment
from holdfast_engine.registry import Endpoint as Address
from holdfast_local.in_process import InProcessInvoker
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from tests.bench.services import services as measured
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest
from tests.support.virtual_time import in_virtual_time

# What a step returns in the table: 100 bytes with the quotes of JSON.
TEXT = b'"' + b"x" * 98 + b'"'
INPUT = b'"' + b"i" * 598 + b'"'


class Counting(holdfast.Endpoint):
    """The measured handlers; counts the attempts."""

    attempts = 0

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        self.attempts += 1
        return await super().run(request, checkpoint)


class Measured(EngineUnderTest):
    """An engine whose handlers are those of the benchmark, and whose bill is read."""

    def __init__(self) -> None:
        self.endpoint = Counting(measured)
        known = Deployment(
            id="dp_10000000000000000000001",
            endpoint=Address(transport="in-process", address="bench"),
            manifest=self.endpoint.manifest(),
            revisions=tuple((service.name, 1) for service in self.endpoint.manifest().services),
            created_ms=1,
        )
        super().__init__(invoker=InProcessInvoker({"bench": self.endpoint}), deployments=[known])

    async def bill(self, work: Callable[[], Awaitable[object]]) -> tuple[int, int]:
        """Return the write units and the attempts of some work, with all that follows from it within a minute."""
        units, attempts = self.inner.meter.write_units, self.endpoint.attempts
        await work()
        await self.rest(60)
        return self.inner.meter.write_units - units, self.endpoint.attempts - attempts


ROWS: dict[str, tuple[str, bytes, int, int]] = {
    # path, body, write units, attempts
    # create, commit
    "an empty call": ("Bench/empty", TEXT, 2, 1),
    # create, commit of an item of two KiB: the output is as large as the input
    "an echo": ("Bench/empty", INPUT, 3, 1),
    # create, commit: the step's result travels with the answer
    "one step": ("Bench/steps", b"1", 2, 1),
    # create, nine checkpoints of which some begin a page, the last append, commit
    "ten steps": ("Bench/steps", b"10", 12, 1),
    "a hundred steps": ("Bench/steps", b"100", 102, 1),
    # create, one append of all, commit
    "ten steps gathered": ("Bench/gathered_steps", b"10", 3, 1),
    # create, commit; create, commit, note; acquire, commit
    "parent and child": ("Bench/parent", TEXT, 7, 3),
    # create, enter, commit, leave
    "an uncontended increment": ("Tally/k/add", b"1", 4, 1),
}


@pytest.mark.parametrize("row", ROWS)
def test_work_costs_what_is_budgeted(row: str) -> None:
    """Each row of the table costs exactly what its writes add up to, also when every timer has fired."""
    path, body, units, attempts = ROWS[row]

    @in_virtual_time
    async def play() -> None:
        async with Measured() as e:
            assert await e.bill(lambda: e.call(path, body)) == (units, attempts)

    play()


@in_virtual_time
async def test_contended_increments_stay_within_seven() -> None:
    """Of many at once the first costs four, each other one six: ticket, place and acquire instead of entering."""
    async with Measured() as e:

        async def all_at_once() -> None:
            await asyncio.gather(*[e.call("Tally/k/add", b"1") for _ in range(50)])

        assert await e.bill(all_at_once) == (4 + 49 * 6, 50)


@in_virtual_time
async def test_a_duplicate_costs_one() -> None:
    """A repeated idempotent call pays for its refused create and for nothing else."""
    async with Measured() as e:
        await e.call("Bench/empty", TEXT, idempotency_key="once")
        assert await e.bill(lambda: e.call("Bench/empty", TEXT, idempotency_key="once")) == (1, 0)


@in_virtual_time
async def test_a_fan_out_costs_by_the_child() -> None:
    """Twenty calls at once cost three writes each, for the child and its note, and a few for the parent."""
    async with Measured() as e:
        units, attempts = await e.bill(lambda: e.call("Bench/fan_out", b"20"))
        assert attempts == 22
        assert units == 20 * 3 + 7


async def naps(e: EngineUnderTest, attempt: Attempt, steps: int) -> list[bytes]:
    """Run steps one after the other, then sleep twice, in three attempts."""
    assert attempt.checkpoint is not None
    if attempt.number == 3:
        return [f.output(TEXT), f.END]
    for number in range(1, 1 + (steps if attempt.number == 1 else 0)):
        await attempt.checkpoint.append([f.run(number), f.run_result(number, TEXT)])
    nap = 1000 + attempt.number
    return [f.sleep(nap, e.clock.now_ms() + 5000), f.suspension(nap)]


# Without steps all fits the head: create, twice suspend and acquire, end. Behind ten steps there is a later page, so
# each of the three commits has an append of its own beside it.
@pytest.mark.parametrize(("steps", "units"), [(0, 6), (10, 6 + 10 + 3)])
def test_a_sleep_costs_two(steps: int, units: int) -> None:
    """A sleep costs its commit and its acquire, and the append in front of it where the journal has later pages."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script.takes = True
            e.script["S/work"] = lambda attempt: naps(e, attempt, steps)
            await e.call("S/work")
            assert e.inner.meter.write_units == units
            assert len(e.script.attempts) == 3

    play()


@in_virtual_time
async def test_taking_over_behind_the_head_costs_the_claim_of_a_page() -> None:
    """Where an older handler may still write to a later page, its open slot is claimed: one write more."""
    async with EngineUnderTest() as e:
        e.script.takes = True
        e.script["S/work"] = lambda attempt: naps(e, attempt, 10)
        e.script["S/other"] = e.script.handlers["S/work"]
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await e.inner.pause(invocation_id, now_ms=e.clock.now_ms())
        await e.inner.resume(invocation_id, now_ms=e.clock.now_ms(), deployment_id=None)
        units = e.inner.meter.write_units
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.rest(1)
        # acquire, claim, append, commit
        assert e.inner.meter.write_units == units + 4
