"""Cancelling in every status, from outside and from handlers, down the tree of calls."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.cancel import CancelOutcome
from holdfast_engine.errors import UnknownInvocation
from holdfast_engine.records import Failure, KeyRef, Outcome, Status
from holdfast_protocol.ids import encode_invocation_id
from holdfast_protocol.manifest import Options, RetryPolicy
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType
CANCELED = Outcome(failure=Failure(code=409, message="canceled"))


async def obedient(attempt: Attempt) -> list[bytes]:
    """Wait until cancelled, as an SDK does that finds the signal at an await."""
    if T.SIGNAL in attempt.types:
        return [f.output_failure(409, "cancelled"), f.END]
    return [f.suspension(signals=(1, 17))]


@in_virtual_time
async def test_there_must_be_something_to_cancel() -> None:
    """An id nobody has is refused by name."""
    async with EngineUnderTest() as e:
        with pytest.raises(UnknownInvocation, match="inv_1"):
            await e.engine.cancel(encode_invocation_id(bytes(24)))


@in_virtual_time
async def test_a_completed_invocation_stays_as_it_is() -> None:
    """Cancelling what has ended does nothing and says so."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        finished = await e.call("S/work")
        units = e.inner.meter.write_units
        assert await e.engine.cancel(finished.invocation_id) is CancelOutcome.ALREADY_COMPLETED
        assert await e.outcome(finished.invocation_id) == finished.outcome
        assert e.inner.meter.write_units == units


@in_virtual_time
async def test_a_suspended_invocation_gets_the_signal() -> None:
    """Who is suspended wakes with the cancel signal in its journal."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = obedient
        invocation_id = await e.send("S/work")
        await e.rest(1)
        assert await e.engine.cancel(invocation_id) is CancelOutcome.APPENDED
        assert (await e.outcome(invocation_id)).failure == Failure(code=409, message="cancelled")
        assert (await e.types(invocation_id))[1] is T.SIGNAL


@in_virtual_time
async def test_a_running_invocation_sees_it_behind_its_own_frames() -> None:
    """A cancellation that comes in the middle of an attempt goes behind the frames of that attempt."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                await e.engine.cancel(attempt.id)
                return [f.run(1), f.proposal(1), f.suspension(1)]
            return await obedient(attempt)

        e.script["S/work"] = handler
        finished = await e.call("S/work")
        assert await e.types(finished.invocation_id) == [T.INPUT, T.RUN, T.RUN_COMPLETION, T.SIGNAL, T.OUTPUT]


@in_virtual_time
async def test_a_scheduled_invocation_never_runs() -> None:
    """What was to start later ends at once, whoever waits is told, and it does not start."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(), f.END])
        invocation_id = await e.send("S/work", invoke_at_ms=e.clock.now_ms() + 60_000)
        assert await e.engine.cancel(invocation_id) is CancelOutcome.DONE
        assert await e.outcome(invocation_id) == CANCELED
        await e.rest(120)
        assert not e.script.attempts


@pytest.mark.parametrize("size", [1, 5_000])
def test_a_scheduled_invocation_of_any_size_never_runs(size: int) -> None:
    """Also one whose Input fills its first page."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            invocation_id = await e.send("O/k/add", b"x" * size, invoke_at_ms=e.clock.now_ms() + 60_000)
            assert await e.engine.cancel(invocation_id) is CancelOutcome.DONE
            assert await e.outcome(invocation_id) == CANCELED

    play()


async def one_holder_two_waiters(e: EngineUnderTest) -> tuple[str, str, str]:
    e.script["O/other"] = answers([f.sleep(1, e.clock.now_ms() + 10_000), f.suspension(1)], [f.output(), f.END])
    e.script["O/add"] = answers([f.output(), f.END])
    ids = await e.send("O/k/other"), await e.send("O/k/add"), await e.send("O/k/add")
    await e.rest(1)
    return ids


@in_virtual_time
async def test_a_queued_invocation_ends_and_the_queue_goes_on() -> None:
    """A waiter that is cancelled never runs, and those behind it get the key."""
    async with EngineUnderTest() as e:
        _, second, third = await one_holder_two_waiters(e)
        assert await e.engine.cancel(second) is CancelOutcome.DONE
        assert await e.outcome(second) == CANCELED
        await e.rest()
        assert await e.status(third) is Status.COMPLETED
        assert not e.script.of(second)
        lock = (await e.inner.keyed(KeyRef(service="O", key="k"), with_state=False)).lock
        assert lock.holder is None
        assert lock.serving == lock.next == 3


@in_virtual_time
async def test_the_queue_goes_on_behind_a_forgotten_waiter() -> None:
    """A waiter that was cancelled, and whose retention was over before its turn came, does not block the key."""
    async with EngineUnderTest() as e:
        _, second, third = await one_holder_two_waiters(e)
        await e.engine.cancel(second)
        head = await e.head(second)
        assert await e.inner.forget(second, nonce=head.nonce)
        await e.rest(60)
        assert await e.status(third) is Status.COMPLETED
        lock = (await e.inner.keyed(KeyRef(service="O", key="k"), with_state=False)).lock
        assert lock.serving == lock.next


@in_virtual_time
async def test_a_holder_that_is_queued_by_name_runs_on() -> None:
    """One that got its key at once is still called queued; it is running, so it gets the signal."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                assert await e.status(attempt.id) is Status.QUEUED
                assert await e.engine.cancel(attempt.id) is CancelOutcome.APPENDED
            return await obedient(attempt)

        e.script["O/add"] = handler
        assert (await e.call("O/k/add")).outcome.failure == Failure(code=409, message="cancelled")


@in_virtual_time
async def test_a_backing_off_invocation_is_tried_at_once() -> None:
    """A cancellation does not wait for the next try."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            return [f.error(next_retry_delay=600_000)] if attempt.number == 1 else await obedient(attempt)

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        assert await e.engine.cancel(invocation_id) is CancelOutcome.APPENDED
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED


async def paused(attempt: Attempt) -> list[bytes]:
    return [f.error(behavior=f.PAUSE)] if attempt.number == 1 else await obedient(attempt)


@in_virtual_time
async def test_a_paused_invocation_is_resumed() -> None:
    """A cancellation gets a paused invocation going, so that it can compensate."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = paused
        invocation_id = await e.send("S/work")
        await e.rest(1)
        assert await e.status(invocation_id) is Status.PAUSED
        assert await e.engine.cancel(invocation_id) is CancelOutcome.APPENDED
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED


@pytest.mark.parametrize("moment", ["before_commit", "after_commit", "before_note", "after_note"])
def test_a_cancellation_is_not_lost_on_an_invocation_that_is_being_paused(moment: str) -> None:
    """Whoever pauses and whoever cancels meanwhile: one of them sees the other."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(store=Hooked) as e:
            assert isinstance(e.store, Hooked)
            hooks = e.store.hooks

            async def cancel(invocation_id: str, **_: Any) -> None:
                await e.engine.cancel(invocation_id)

            async def handler(attempt: Attempt) -> list[bytes]:
                if attempt.number == 1 and "note" in moment:
                    e.world.tasks.spawn(cancel(attempt.id))

                    async def meanwhile(*_: Any, **__: Any) -> None:
                        await e.rest(5)

                    hooks[moment] = meanwhile
                    await e.rest(1)
                elif attempt.number == 1:
                    hooks[moment] = cancel
                return await paused(attempt)

            e.script["S/work"] = handler
            invocation_id = await e.send("S/work")
            await e.rest(60)
            assert await e.status(invocation_id) is Status.COMPLETED

    play()


async def with_child(attempt: Attempt) -> list[bytes]:
    """Call a child; when cancelled, pass it on as the SDKs do, and fail."""
    if attempt.number == 1:
        return [f.call("S", "child", (1, 2)), f.send("S", "other", 3), f.suspension(2)]
    child = attempt.notification(1)
    assert child is not None
    return [f.send_cancel(child.invocation_id), f.output_failure(409, "cancelled"), f.END]


@in_virtual_time
async def test_the_children_called_are_cancelled_and_those_sent_are_not() -> None:
    """A cancelled parent's calls get the signal, its one-way sends go on (C1)."""
    async with EngineUnderTest() as e:
        e.script["S/parent"] = with_child
        e.script["S/child"] = obedient
        e.script["S/other"] = obedient
        invocation_id = await e.send("S/parent")
        await e.rest(1)
        await e.engine.cancel(invocation_id)
        await e.rest(1)
        by_handler = {attempt.request.handler: attempt.id for attempt in e.script.attempts}
        assert await e.status(by_handler["parent"]) is Status.COMPLETED
        assert await e.status(by_handler["child"]) is Status.COMPLETED
        assert await e.status(by_handler["other"]) is Status.SUSPENDED


async def cancel_from_a_handler(e: EngineUnderTest, invocation_id: str) -> None:
    e.script["S/other"] = answers([f.send_cancel(invocation_id), f.output(), f.END])
    await e.call("S/other")
    await e.rest(1)


@in_virtual_time
async def test_a_handler_cancels_what_is_scheduled() -> None:
    """Cancelling by a command of a handler ends a delayed message as well: it never runs."""
    async with EngineUnderTest() as e:
        invocation_id = await e.send("S/work", invoke_at_ms=e.clock.now_ms() + 60_000)
        await cancel_from_a_handler(e, invocation_id)
        assert await e.outcome(invocation_id) == CANCELED


@in_virtual_time
async def test_a_handler_cancels_what_is_queued() -> None:
    """Cancelling by a command of a handler ends an invocation that waits for its key."""
    async with EngineUnderTest() as e:
        _, second, third = await one_holder_two_waiters(e)
        await cancel_from_a_handler(e, second)
        assert await e.outcome(second) == CANCELED
        await e.rest()
        assert await e.status(third) is Status.COMPLETED


@in_virtual_time
async def test_a_handler_cancels_what_is_paused() -> None:
    """Cancelling by a command of a handler resumes a paused invocation."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = paused
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await cancel_from_a_handler(e, invocation_id)
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_handler_may_cancel_who_is_gone() -> None:
    """A cancel signal to an invocation that does not exist is dropped."""
    async with EngineUnderTest() as e:
        await cancel_from_a_handler(e, encode_invocation_id(bytes(24)))


@in_virtual_time
async def test_a_cancellation_performed_twice_is_one_signal() -> None:
    """The command that cancels may be performed again after a crash: the target sees one signal."""
    async with EngineUnderTest() as e:

        async def target(attempt: Attempt) -> list[bytes]:
            return [f.suspension(signals=(1, 17))]

        e.script["S/work"] = target
        invocation_id = await e.send("S/work")
        await e.rest(1)
        e.script["S/other"] = answers([f.send_cancel(invocation_id), f.suspension(signals=(1, 17))])
        sender = await e.send("S/other")
        await e.rest(1)
        async with e.restarted() as next_one:
            await next_one.rest(1)
            await next_one.engine.advance(sender)
            await next_one.rest(1)
            assert (await next_one.types(invocation_id)).count(T.SIGNAL) == 1
            assert len(e.script.of(invocation_id)) == 2


@in_virtual_time
async def test_two_cancellations_from_outside_are_two_signals() -> None:
    """Each request to cancel is a signal of its own: a handler may catch the first."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.types.count(T.SIGNAL) == 2:
                return [f.output(), f.END]
            return [f.suspension(signals=(1, 17))]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        for _ in range(2):
            await e.rest(1)
            await e.engine.cancel(invocation_id)
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_cancelling_renews_the_retry_budget() -> None:
    """An invocation that had used up its attempts has all of them for its compensation."""
    options = Options(retry_policy=RetryPolicy(max_attempts=2, initial_interval_ms=10))
    async with EngineUnderTest(deployments=[deployment(services(S=options))]) as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            return [f.error()] if attempt.number <= 3 else await obedient(attempt)

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        assert await e.status(invocation_id) is Status.PAUSED
        await e.engine.cancel(invocation_id)
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED
        assert e.script.attempts[2].request.start.retry_count_since_last_stored_entry == 0
