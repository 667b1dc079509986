"""Suspending and waking: nobody sleeps through what he waits for, and nobody is woken for what he has had."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.notify import notify
from holdfast_engine.records import Note, Status
from holdfast_engine.world import Settings
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType, decode
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers
from tests.support.virtual_time import in_virtual_time

T = MessageType
AWAKEABLE = 17


def resolved(content: bytes = b"a") -> Note:
    return Note(key=f"s#{AWAKEABLE}", frame=f.signal(AWAKEABLE, content))


async def waiting(attempt: Attempt) -> list[bytes]:
    """Wait for the first awakeable and return its value."""
    for entry in attempt.request.entries:
        message = decode(entry)
        if isinstance(message, pb.Notification) and message.signal_id == AWAKEABLE:
            return [f.output(message.value.content), f.END]
    return [f.suspension(signals=(1, AWAKEABLE))]


@in_virtual_time
async def test_a_note_wakes_who_waits_for_it() -> None:
    """A suspended invocation goes on as soon as what it awaits arrives."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = waiting
        invocation_id = await e.send("S/work")
        await e.rest(5)
        assert await e.status(invocation_id) is Status.SUSPENDED
        await notify(e.world, invocation_id, resolved(b"now"))
        assert (await e.outcome(invocation_id)).value == b"now"


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
@pytest.mark.parametrize("size", [1, 2000])
def test_the_second_look_sees_a_note_that_saw_nobody_to_wake(moment: str, size: int) -> None:
    """A note that woke nobody is seen, at once, by the look behind the stored status; large ones are found whole."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(store=Hooked, settings=Settings(blob_bytes_min=1000)) as e:
            assert isinstance(e.store, Hooked)

            async def write(invocation_id: str, **_: Any) -> None:
                wakeups, e.world.wakeups = e.world.wakeups, Silent()
                await notify(e.world, invocation_id, resolved(b"x" * size))
                e.world.wakeups = wakeups

            e.store.hooks[moment] = write
            e.script["S/work"] = waiting
            start = e.clock.now_ms()
            assert (await e.call("S/work")).outcome.value == b"x" * size
            assert e.clock.now_ms() == start

    play()


class Silent:
    """Wake-ups of a process that dies before it sends any."""

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        pass

    async def announce(self, invocation_id: str) -> bool:
        return False

    async def watchdog(self, invocation_id: str) -> None:
        pass

    async def check_key(self, key: Any, *, not_before_ms: int | None) -> None:
        pass

    async def settled(self, invocation_id: str) -> None:
        pass


@in_virtual_time
async def test_who_loses_the_second_look_leaves_it_to_the_other() -> None:
    """When notifier and runner both see that it may go on, one of them runs it, once."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)

        async def write(invocation_id: str, **_: Any) -> None:
            await notify(e.world, invocation_id, resolved())
            await e.engine.advance(invocation_id)

        e.store.hooks["after_commit"] = write
        e.script["S/work"] = waiting
        finished = await e.call("S/work")
        await e.rest()
        assert len(e.script.of(finished.invocation_id)) == 2
        assert (await e.types(finished.invocation_id)).count(T.OUTPUT) == 1


@in_virtual_time
async def test_a_caught_cancellation_is_used_up() -> None:
    """A cancel signal that the handler has caught does not end its later suspensions; a second one does."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.types.count(T.SIGNAL) == 2:
                return [f.output(b"gave up"), f.END]
            assert attempt.number < 10, "woken again and again"
            return [f.suspension(signals=(1, AWAKEABLE))]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await e.engine.cancel(invocation_id)
        await e.rest(1)
        assert await e.status(invocation_id) is Status.SUSPENDED
        assert len(e.script.attempts) == 2
        await e.engine.advance(invocation_id)
        await e.rest(1)
        assert len(e.script.attempts) == 2
        await e.engine.cancel(invocation_id)
        assert (await e.outcome(invocation_id)).value == b"gave up"


@in_virtual_time
async def test_named_signals_are_had_one_by_one() -> None:
    """Whoever has taken two signals of a name waits for the third."""
    async with EngineUnderTest() as e:

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.number < 10, "woken again and again"
            if attempt.types.count(T.SIGNAL) == 3:
                return [f.output(), f.END]
            return [f.suspension(names=("go",))]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        for number in range(3):
            await e.rest(1)
            assert await e.status(invocation_id) is Status.SUSPENDED
            assert len(e.script.attempts) == 1 + number
            await notify(e.world, invocation_id, Note(key=f"s#sender.{number}", frame=f.named_signal("go")))
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_signal_seen_counts_where_all_are_awaited() -> None:
    """Of several things awaited together, one that an earlier attempt saw has not gone away."""
    async with EngineUnderTest() as e:
        both = pb.Future(waiting_completions=[1], waiting_named_signals=["go"], combinator_type=pb.Future.ALL_COMPLETED)
        tree = pb.Future(waiting_signals=[1], nested_futures=[both], combinator_type=pb.Future.FIRST_COMPLETED)

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.notification(1) is not None and T.SIGNAL in attempt.types:
                return [f.output(), f.END]
            command = [f.sleep(1, e.clock.now_ms() + 10_000)] if T.SLEEP not in attempt.types else []
            return [*command, f.suspension_on(tree)]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(1)
        await notify(e.world, invocation_id, Note(key="s#sender.0", frame=f.named_signal("go")))
        await e.inner.pause(invocation_id, now_ms=e.clock.now_ms())
        await e.inner.resume(invocation_id, now_ms=e.clock.now_ms(), deployment_id=None)
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.rest(1)
        assert await e.status(invocation_id) is Status.SUSPENDED
        assert T.SIGNAL in e.script.attempts[-1].types
        await e.rest(60)
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_signal_used_up_among_many_does_not_loop() -> None:
    """An attempt that suspends on what it was given all of is not sent again before something new arrives."""
    async with EngineUnderTest() as e:
        both = pb.Future(waiting_completions=[1], waiting_named_signals=["go"], combinator_type=pb.Future.ALL_COMPLETED)
        tree = pb.Future(waiting_signals=[1], nested_futures=[both], combinator_type=pb.Future.FIRST_COMPLETED)

        async def handler(attempt: Attempt) -> list[bytes]:
            assert attempt.number < 10, "woken again and again"
            if attempt.types.count(T.SIGNAL) == 2:
                return [f.output(), f.END]
            command = [f.run(1), f.proposal(1)] if T.RUN not in attempt.types else []
            return [*command, f.suspension_on(tree)]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        for number in range(2):
            await e.rest(1)
            assert await e.status(invocation_id) is Status.SUSPENDED
            await notify(e.world, invocation_id, Note(key=f"s#sender.{number}", frame=f.named_signal("go")))
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_a_handler_may_yield_on_what_is_stored() -> None:
    """A suspension on a completion that is there already is a handler's way to ask for another attempt."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers(
            [f.run(1), f.proposal(1), f.suspension(1)], [f.suspension(1)], [f.suspension(1)], [f.output(), f.END]
        )
        await e.call("S/work")
        assert len(e.script.attempts) == 4


@in_virtual_time
async def test_a_sleep_ends_not_before_its_time() -> None:
    """A sleep wakes its invocation when it is over, and not a millisecond before (T1)."""
    async with EngineUnderTest() as e:
        start = e.clock.now_ms()
        seen: list[int] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            seen.append(e.clock.now_ms() - start)
            if attempt.notification(1) is not None:
                return [f.output(), f.END]
            return [f.sleep(1, start + 12_345), f.suspension(1)]

        e.script["S/work"] = handler
        await e.call("S/work")
        assert seen[0] == 0
        assert 12_345 <= seen[1] < 12_500
        assert len(seen) == 2


@in_virtual_time
async def test_sleeps_that_are_over_are_completed_in_the_order_of_their_ends() -> None:
    """Two sleeps that ended while nobody looked are entered the earlier one first."""
    async with EngineUnderTest() as e:
        now = e.clock.now_ms()

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                return [f.sleep(1, now + 2000), f.sleep(2, now + 1000), f.suspension(signals=(AWAKEABLE,))]
            return [f.output(), f.END]

        e.script["S/work"] = handler
        invocation_id = await e.send("S/work")
        await e.rest(10)
        await notify(e.world, invocation_id, resolved())
        await e.outcome(invocation_id)
        entries = e.script.attempts[-1].request.entries
        ids = [m.completion_id for entry in entries if isinstance(m := decode(entry), pb.Notification)]
        assert ids == [0, 2, 1]


@in_virtual_time
async def test_the_next_sleep_is_armed_when_the_first_is_not_what_is_awaited() -> None:
    """An invocation that awaits its second sleep is woken by that one, though the first ended before."""
    async with EngineUnderTest() as e:
        now = e.clock.now_ms()

        async def handler(attempt: Attempt) -> list[bytes]:
            if attempt.number == 1:
                return [f.sleep(1, now + 1000), f.sleep(2, now + 5000), f.suspension(2)]
            return [f.output(), f.END]

        e.script["S/work"] = handler
        finished = await e.call("S/work")
        assert now + 5000 <= finished.completed_ms < now + 5500
        assert len(e.script.attempts) == 2


@in_virtual_time
async def test_a_wake_up_for_nothing_writes_nothing() -> None:
    """However often a suspended invocation is woken without cause: no attempt, no write (O-4)."""
    async with EngineUnderTest() as e:
        e.script["S/child"] = answers([f.sleep(1, e.clock.now_ms() + 100_000), f.suspension(1)])
        e.script["S/parent"] = answers([f.call("S", "child", (1, 2)), f.suspension(2)])
        invocation_id = await e.send("S/parent")
        await e.rest(1)
        attempts, units = len(e.script.attempts), e.inner.meter.write_units
        for _ in range(5):
            await e.wakeups.wake(invocation_id, not_before_ms=None)
            await e.rest(1)
        assert len(e.script.attempts) == attempts
        assert e.inner.meter.write_units == units
