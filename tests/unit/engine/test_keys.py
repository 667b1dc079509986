"""Keys: one holder at a time, first in first out, and a state that is the fold of what was committed."""

from __future__ import annotations

import asyncio

import pytest

from holdfast_engine.keys import KEY_CHECK_AFTER_MS, check_key, enter
from holdfast_engine.records import Failure, KeyRef, Lock, Status
from holdfast_engine.state import NO_WRITES
from holdfast_engine.world import Settings
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers
from tests.support.virtual_time import EPOCH_MS, in_virtual_time

KEY = KeyRef(service="O", key="k")


async def lock_of(e: EngineUnderTest) -> Lock:
    return (await e.inner.keyed(KEY, with_state=False)).lock


async def increment(attempt: Attempt) -> list[bytes]:
    number = int(attempt.state.get("n", b"0")) + 1
    return [f.set_state("n", b"%d" % number), f.output(b"%d" % number), f.END]


@in_virtual_time
async def test_increments_lose_nothing() -> None:
    """Many increments at once run one after the other, in their order of arrival, and add up (K1, K2, K3)."""
    async with EngineUnderTest() as e:
        e.script["O/add"] = increment
        finished = await asyncio.gather(*[e.call("O/k/add") for _ in range(200)])
        assert [int(each.outcome.value or b"") for each in finished] == list(range(1, 201))
        assert await e.state("k") == {"n": b"200"}
        assert await lock_of(e) == Lock(next=200, serving=200, holder=None, applied=-1)


@in_virtual_time
async def test_keys_do_not_wait_for_each_other() -> None:
    """A key that is held does not delay another key, nor the same key of another service."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.suspension(signals=(17,))])
        e.script["O/add"] = increment
        e.script["W/run"] = answers([f.output(), f.END])
        await e.send("O/k/other")
        await e.rest(1)
        await e.call("O/l/add")
        await e.call("W/k/run")
        waiting = await e.send("O/k/add")
        await e.rest(1)
        assert await e.status(waiting) is Status.QUEUED


@pytest.mark.parametrize("pause", ["suspended", "backing-off", "paused"])
def test_a_holder_at_rest_keeps_its_key(pause: str) -> None:
    """A holder that sleeps, backs off or is paused still holds its key; what it wrote is visible to shared handlers."""
    ends = {
        "suspended": f.suspension(signals=(17,)),
        "backing-off": f.error(next_retry_delay=10**7),
        "paused": f.error(behavior=f.PAUSE),
    }

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script["O/other"] = answers([f.set_state("n", b"7"), ends[pause]])
            e.script["O/add"] = increment
            e.script["O/get"] = answers([f.output(), f.END])
            first, second = await e.send("O/k/other"), await e.send("O/k/add")
            await e.rest(3600)
            assert (await e.status(first)).value == pause
            assert await e.status(second) is Status.QUEUED
            finished = await e.call("O/k/get")
            assert e.script.of(finished.invocation_id)[0].state == {"n": b"7"}

    play()


@in_virtual_time
async def test_state_written_is_sent_with_the_next_attempt() -> None:
    """A handler that suspends finds its own writes in the state of its next attempt, and the key has them once."""
    async with EngineUnderTest() as e:
        writes = [f.set_state("a", b"1"), f.set_state("b", b"2"), f.clear_state("a"), f.set_state("c", b"3")]
        e.script["O/add"] = answers(
            [*writes, f.run(1), f.proposal(1), f.suspension(1)],
            [f.clear_all_state(), f.set_state("d", b"4"), f.sleep(2, EPOCH_MS + 1000), f.suspension(2)],
            [f.output(), f.END],
        )
        await e.call("O/k/add")
        assert [attempt.state for attempt in e.script.attempts] == [{}, {"b": b"2", "c": b"3"}, {"d": b"4"}]
        assert await e.state("k") == {"d": b"4"}


@in_virtual_time
async def test_a_lazy_read_sees_the_state_as_of_its_command() -> None:
    """A value asked for between two writes is that of the first, and a missing one is void."""
    async with EngineUnderTest() as e:
        first = [f.set_state("n", b"1"), f.get_state("n", 1), f.set_state("n", b"2"), f.get_state("m", 2)]
        e.script["O/add"] = answers([*first, f.suspension(1)], [f.output(), f.END])
        await e.call("O/k/add")
        attempt = e.script.attempts[1]
        seen, missing = attempt.notification(1), attempt.notification(2)
        assert seen is not None
        assert seen.value.content == b"1"
        assert missing is not None
        assert missing.WhichOneof("result") == "void"


@in_virtual_time
async def test_state_names_are_listed_sorted() -> None:
    """The names of a key's state come in order, as of the command that asks."""
    async with EngineUnderTest() as e:
        ask = f.get_state_keys(1)
        writes = [f.set_state(name, b"1") for name in "cab"]
        e.script["O/add"] = answers([*writes, ask, f.set_state("d", b"1"), f.suspension(1)], [f.output(), f.END])
        await e.call("O/k/add")
        listed = e.script.attempts[1].notification(1)
        assert listed is not None
        assert list(listed.state_keys.keys) == [b"a", b"b", b"c"]


@in_virtual_time
async def test_state_beyond_the_budget_is_read_when_asked_for() -> None:
    """State too large to be sent along is sent in part, and marked as partial."""
    async with EngineUnderTest(settings=Settings(eager_state_bytes_max=100)) as e:
        e.script["O/add"] = answers([f.set_state("a", b"x" * 60), f.set_state("b", b"y" * 60), f.output(), f.END])
        await e.call("O/k/add")
        e.script["O/add"] = answers([f.get_state("b", 1), f.suspension(1)], [f.output(), f.END])
        finished = await e.call("O/k/add")
        first, second = e.script.of(finished.invocation_id)
        assert first.request.start.partial_state
        assert len(first.state) == 1
        seen = second.notification(1)
        assert seen is not None
        assert seen.value.content == b"y" * 60


@in_virtual_time
async def test_a_shared_handler_reads_beside_the_writer() -> None:
    """A shared handler runs while the key is held, and may not write."""
    async with EngineUnderTest() as e:
        e.script["O/other"] = answers([f.suspension(signals=(17,))])
        await e.send("O/k/other")
        e.script["O/get"] = answers([f.set_state("n", b"1"), f.output(), f.END])
        reader = await e.send("O/k/get")
        await e.rest(0.1)
        last = (await e.head(reader)).last_failure
        assert last is not None
        assert last.rt_code == "RT0017"


# The rows of the race table of the ticket lock.


async def held_by_a_sleeper(e: EngineUnderTest) -> str:
    e.script["O/other"] = answers([f.sleep(1, EPOCH_MS + 2000), f.suspension(1)], [f.output(), f.END])
    e.script["O/add"] = answers([f.output(), f.END])
    holder = await e.send("O/k/other")
    await e.rest(0.5)
    return holder


@in_virtual_time
async def test_a_leaver_that_saw_no_waiter_does_not_free_the_key() -> None:
    """A ticket drawn while the holder leaves is served by its owner, who claims; nobody else gets in before."""
    async with EngineUnderTest() as e:
        await held_by_a_sleeper(e)
        drawn = await e.inner.take_ticket(KEY)
        assert drawn is not None
        await e.rest(2)
        assert await lock_of(e) == Lock(next=2, serving=1, holder=None, applied=-1)
        assert await e.inner.enter_free(KEY, "somebody") is None
        late = await e.send("O/k/add")
        await e.inner.put_wait(KEY, ticket=1, invocation_id=late)
        await e.rest(10)
        assert await e.status(late) is Status.COMPLETED


@in_virtual_time
async def test_an_enterer_whose_turn_came_meanwhile_claims() -> None:
    """Between drawing a ticket and saying whose it is the holder may leave: the enterer finds its turn and takes it."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        await held_by_a_sleeper(e)

        async def meanwhile(*_: object, **__: object) -> None:
            await e.rest(3)

        e.store.hooks["before_put_wait"] = meanwhile
        finished = await e.call("O/k/add")
        assert finished.outcome.value == b"ok"
        assert finished.completed_ms < EPOCH_MS + 4000
        assert await lock_of(e) == Lock(next=2, serving=2, holder=None, applied=-1)


@in_virtual_time
async def test_an_enterer_that_died_with_its_ticket_is_skipped() -> None:
    """A ticket whose wait item never came is passed over after a while, and those behind it are served."""
    async with EngineUnderTest() as e:
        await held_by_a_sleeper(e)
        assert await e.inner.take_ticket(KEY) is not None
        behind = await e.send("O/k/add")
        await e.rest(2)
        assert await e.status(behind) is Status.QUEUED
        await e.rest(KEY_CHECK_AFTER_MS / 1000)
        assert await e.status(behind) is Status.COMPLETED
        assert (await lock_of(e)).serving == 3


@in_virtual_time
async def test_an_enterer_that_was_skipped_draws_again() -> None:
    """One so slow that its ticket was skipped does not get in by it: it stands at the end with a new one."""
    async with EngineUnderTest() as e:
        await held_by_a_sleeper(e)
        slow = await e.send("O/k/add")
        behind = await e.send("O/k/add")
        e.inner.database.write("DELETE FROM wait WHERE id = ?", (slow,))
        await e.rest(10)
        assert await e.status(behind) is Status.COMPLETED
        assert await e.status(slow) is Status.QUEUED
        await e.wakeups.wake(slow, not_before_ms=None)
        await e.rest(1)
        assert await e.status(slow) is Status.COMPLETED


@in_virtual_time
async def test_an_invocation_that_entered_twice_runs_once() -> None:
    """Of two tickets of one invocation the first counts; at the second it leaves at once and stateless."""
    async with EngineUnderTest() as e:
        await held_by_a_sleeper(e)
        e.script["O/add"] = increment
        twice = await e.send("O/k/add")
        drawn = await e.inner.take_ticket(KEY)
        assert drawn is not None
        between = await e.send("O/k/add")
        last = await e.inner.take_ticket(KEY)
        assert last is not None
        for ticket in (drawn.number, last.number):
            await e.inner.put_wait(KEY, ticket=ticket, invocation_id=twice)
        await e.rest(30)
        assert await e.status(between) is Status.COMPLETED
        assert len(e.script.of(twice)) == 1
        assert await e.state("k") == {"n": b"2"}
        assert await lock_of(e) == Lock(next=5, serving=5, holder=None, applied=-1)


@in_virtual_time
async def test_a_handover_nobody_was_woken_for_is_found() -> None:
    """When the leaver dies behind the hand-over, its own message wakes the new holder (O-6)."""
    async with EngineUnderTest() as e:
        first = await held_by_a_sleeper(e)
        second = await e.send("O/k/add")
        await e.rest(0.5)
        await e.crash()
        e.script["O/other"] = answers([f.output(), f.END])
        left = await e.inner.leave(KEY, ticket=0, invocation_id=first, writes=NO_WRITES, next_holder=second)
        assert left is not None
        killed = await e.inner.kill(first, failure=Failure(code=409, message="killed"), now_ms=e.clock.now_ms())
        assert killed is not None
        next_one = EngineUnderTest(script=e.script, inner=e.inner, deployments=e.registry.deployments(), dice=e.dice)
        await next_one.engine.advance(first)
        await next_one.rest(1)
        assert await next_one.status(second) is Status.COMPLETED
        await next_one.crash()


@in_virtual_time
async def test_a_holder_that_died_before_it_left_leaves_later() -> None:
    """When the holder dies between its end and its leaving, its message leaves for it, with its last state."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)

        async def die(*_: object, **__: object) -> None:
            raise RuntimeError("the process is gone")

        e.script["O/add"] = increment
        e.store.hooks["before_leave"] = die
        first, second = await e.send("O/k/add"), await e.send("O/k/add")
        await e.rest(1)
        assert await e.status(first) is await e.status(second) is Status.COMPLETED
        assert await e.state("k") == {"n": b"2"}
        assert (await lock_of(e)).holder is None


@in_virtual_time
async def test_a_key_check_gives_a_turn_to_whom_it_belongs() -> None:
    """A turn that nobody took is claimed for the invocation whose ticket it is."""
    async with EngineUnderTest() as e:
        holder = await held_by_a_sleeper(e)
        waiter = await e.send("O/k/add")
        await e.inner.leave(KEY, ticket=0, invocation_id=holder, writes=NO_WRITES, next_holder=None)
        await check_key(e.world, KEY)
        assert (await lock_of(e)).holder == waiter
        await e.rest(1)
        assert await e.status(waiter) is Status.COMPLETED


@in_virtual_time
async def test_a_key_check_of_a_free_key_does_nothing() -> None:
    """Looking at a key that nobody wants changes nothing."""
    async with EngineUnderTest() as e:
        await check_key(e.world, KEY)
        assert e.inner.meter.write_units == 0


@in_virtual_time
async def test_a_key_held_by_nobody_who_exists_is_freed() -> None:
    """A key whose holder is remembered no longer is taken from it, and the queue goes on."""
    async with EngineUnderTest() as e:
        assert await e.inner.enter_free(KEY, "inv_gone") is not None
        e.script["O/add"] = answers([f.output(), f.END])
        waiter = await e.send("O/k/add")
        await check_key(e.world, KEY)
        await e.rest(1)
        assert await e.status(waiter) is Status.COMPLETED


@in_virtual_time
async def test_entering_again_finds_the_ticket_drawn_before() -> None:
    """A message that comes twice does not draw a second ticket, however long the queue."""
    async with EngineUnderTest() as e:
        await held_by_a_sleeper(e)
        ids = [await e.send("O/k/add") for _ in range(150)]
        head = await e.head(ids[-1])
        assert await enter(e.world, head, is_fresh=False) is None
        assert (await lock_of(e)).next == 151


@in_virtual_time
async def test_the_output_of_a_state_free_call_needs_no_state() -> None:
    """A handler that writes nothing leaves the state as it was."""
    async with EngineUnderTest() as e:
        e.script["O/add"] = increment
        await e.call("O/k/add")
        e.script["O/other"] = answers([f.output(), f.END])
        await e.call("O/k/other")
        assert await e.state("k") == e.script.attempts[-1].state == {"n": b"1"}
