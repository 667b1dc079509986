"""Processes that must not run what nobody there waits for: what they create is left to a wake-up."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.records import KeyRef, Status
from holdfast_engine.world import Settings
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.manifest import Options, RetryPolicy
from holdfast_protocol.messages import decode
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, Hooked, answers, deployment, services, submission
from tests.support.virtual_time import in_virtual_time

ELSEWHERE = Settings(runs_max=0)


@in_virtual_time
async def test_a_send_is_created_unstarted_and_runs_by_its_wake_up() -> None:
    """A send makes a ready invocation of epoch 0, which whoever gets the wake-up acquires."""
    seen: list[tuple[Status, int]] = []
    async with EngineUnderTest(store=Hooked, settings=ELSEWHERE) as e:
        assert isinstance(e.store, Hooked)

        async def look(head: Any) -> None:
            seen.append((head.status, head.epoch))

        e.store.hooks["before_create"] = look
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        invocation_id = await e.send("S/work")
        assert e.script.attempts == []
        assert (await e.outcome(invocation_id)).value == b"done"
        assert seen == [(Status.READY, 0)]
        assert (await e.head(invocation_id)).epoch == 1


@in_virtual_time
async def test_sends_to_one_key_keep_their_order() -> None:
    """Each send enters the key before it is answered, so that they run in the order they were accepted."""
    bodies: list[bytes] = []
    async with EngineUnderTest(settings=ELSEWHERE) as e:

        async def handler(attempt: Any) -> list[bytes]:
            message = decode(attempt.request.entries[0])
            assert isinstance(message, pb.InputCommand)
            bodies.append(message.value.content)
            return [f.output(b""), f.END]

        e.script["O/add"] = handler
        ids = [await e.send("O/k/add", b"%d" % number) for number in range(5)]
        for invocation_id in ids:
            await e.outcome(invocation_id)
        assert bodies == [b"0", b"1", b"2", b"3", b"4"]
        lock = (await e.inner.keyed(KeyRef(service="O", key="k"), with_state=False)).lock
        assert (lock.holder, lock.serving) == (None, lock.next)


@in_virtual_time
async def test_a_call_runs_where_its_caller_waits() -> None:
    """A call is created running: its first attempt takes no wake-up and no acquire."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        finished = await e.call("S/work")
        assert finished.outcome.value == b"done"
        assert (await e.head(finished.invocation_id)).epoch == 1


@in_virtual_time
async def test_a_child_answers_its_parent_from_elsewhere() -> None:
    """A parent gets its child's result though the child was left to a wake-up."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script["S/child"] = answers([f.output(b"from the child"), f.END])
        call = f.call("S", "child", (1, 2))
        e.script["S/parent"] = answers([call, f.suspension(2)], [f.output(b"parent"), f.END])
        assert (await e.call("S/parent")).outcome.value == b"parent"


@pytest.mark.parametrize("path", ["S/work", "O/k/add"])
@in_virtual_time
async def test_a_relayed_message_that_comes_again_wakes_what_it_had_created(path: str) -> None:
    """A relay that died after the create leaves nobody asleep: its repetition meets the invocation and wakes it."""
    async with EngineUnderTest(settings=ELSEWHERE) as e:
        e.script[path.replace("/k/", "/")] = answers([f.output(b"done"), f.END])
        wake, died = e.wakeups.wake, []

        async def lost(invocation_id: str, *, not_before_ms: int | None) -> None:
            died.append(invocation_id)

        e.wakeups.wake = lost  # type: ignore[method-assign]
        first = await e.engine.relay(submission(path, idempotency_key="message-1"))
        e.wakeups.wake = wake  # type: ignore[method-assign]
        assert died == [first.invocation_id]
        await e.rest(60)
        assert await e.status(first.invocation_id) is not Status.COMPLETED
        second = await e.engine.relay(submission(path, idempotency_key="message-1"))
        assert (first.is_new, second.is_new) == (True, False)
        assert second.invocation_id == first.invocation_id
        assert (await e.outcome(first.invocation_id)).value == b"done"
        assert len(e.script.attempts) == 1


@in_virtual_time
async def test_handing_an_attempt_over_uses_up_no_attempt() -> None:
    """An attempt that a process had no time for is made by another one, even where one attempt is all there is."""
    once = Options(retry_policy=RetryPolicy(max_attempts=1, on_max_attempts="kill"))
    refused = Answer(
        frames=(),
        failure=AttemptFailure(code=503, message="no time left", rt_code="", is_counted=False, is_handover=True),
    )
    async with EngineUnderTest(deployments=[deployment(services(S=once))]) as e:
        e.script["S/work"] = answers(refused, refused, [f.output(b"done"), f.END])
        finished = await e.call("S/work")
        assert finished.outcome.value == b"done"
        head = await e.head(finished.invocation_id)
        assert (head.failed_attempts, head.command_retries) == (0, 0)


class Dead(BaseException):
    """The process is gone."""


@in_virtual_time
async def test_whoever_enters_late_for_a_child_and_dies_leaves_a_watchdog() -> None:
    """A process stands still with a child it has just created, which others end; then it enters and dies."""
    # All other messages for the child are done with by then: its own watchdog must be what gives the key back (O-1).
    async with EngineUnderTest(store=Hooked, settings=ELSEWHERE) as e:
        assert isinstance(e.store, Hooked)
        hooks, watched = e.store.hooks, []

        async def watchdog(invocation_id: str) -> None:
            watched.append(invocation_id)

        async def wake(invocation_id: str, *, not_before_ms: int | None) -> None:
            """Deliver nothing by itself."""

        async def meanwhile(key: KeyRef, invocation_id: str) -> None:
            await e.engine.advance(invocation_id)
            assert await e.status(invocation_id) is Status.COMPLETED
            watched.remove(invocation_id)
            hooks["after_enter_free"] = die

        async def die(key: KeyRef, invocation_id: str) -> None:
            raise Dead

        e.world.wakeups.watchdog = watchdog  # type: ignore[method-assign]
        e.world.wakeups.wake = wake  # type: ignore[method-assign]
        e.script["S/parent"] = answers([f.send("O", "add", 1, key="k"), f.output(), f.END])
        e.script["O/add"] = answers([f.output(), f.END])
        parent = await e.send("S/parent")
        hooks["before_enter_free"] = meanwhile
        with pytest.raises(Dead):
            await e.engine.advance(parent)
        for invocation_id in watched:
            await e.engine.advance(invocation_id)
        lock = (await e.inner.keyed(KeyRef(service="O", key="k"), with_state=False)).lock
        assert (lock.holder, lock.serving) == (None, lock.next)
