"""Purging: what is let go of, what stays, and that nobody misses an outcome by it."""

from __future__ import annotations

import pytest

from holdfast_engine.errors import UnknownInvocation, WrongState
from holdfast_engine.records import KeyRef, Status
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers
from tests.support.virtual_time import in_virtual_time

DONE = [f.output(b"done"), f.END]
WAITING = [f.suspension(signals=(1, 17))]


@in_virtual_time
async def test_a_caller_misses_nothing() -> None:
    """Purged between its end and the telling of it, an invocation has told its caller before it is forgotten."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        hooks = e.store.hooks

        async def purge(invocation_id: str, **_: object) -> None:
            await e.engine.purge(invocation_id)

        async def child(attempt: Attempt) -> list[bytes]:
            del attempt
            hooks["after_commit"] = purge
            return DONE

        async def parent(attempt: Attempt) -> list[bytes]:
            result = attempt.notification(2)
            if result is None:
                return [f.call("S", "child", (1, 2)), f.suspension(2)]
            return [f.output(result.value.content), f.END]

        e.script["S/parent"], e.script["S/child"] = parent, child
        assert (await e.call("S/parent")).outcome.value == b"done"


@pytest.mark.parametrize("is_journal", [False, True])
def test_what_is_left(is_journal: bool) -> None:
    """Without its journal an invocation still has its outcome; purged, it is unknown and its key another's."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            e.script["S/work"] = answers([f.run(1), f.proposal(1), f.output(b"x" * 150_000), f.END])
            first = await e.call("S/work", idempotency_key="k")
            await (e.engine.purge_journal if is_journal else e.engine.purge)(first.invocation_id)
            if is_journal:
                await e.engine.purge_journal(first.invocation_id)
                assert await e.entries(first.invocation_id) == ()
                assert (await e.outcome(first.invocation_id)).value == b"x" * 150_000
                assert (await e.call("S/work", idempotency_key="k")).was_stored
                await e.engine.purge(first.invocation_id)
            with pytest.raises(UnknownInvocation):
                await e.engine.describe(first.invocation_id)
            with pytest.raises(UnknownInvocation):
                await e.engine.purge(first.invocation_id)
            assert len(e.script.attempts) == 1
            again = await e.call("S/work", idempotency_key="k")
            assert (again.was_stored, len(e.script.attempts)) == (False, 2)

    play()


@in_virtual_time
async def test_a_purged_workflow_leaves_nothing() -> None:
    """State and promises of a workflow go with its run, and the next run finds neither."""
    async with EngineUnderTest() as e:
        e.script["W/run"] = answers([f.set_state("a", b"1"), f.complete_promise("p", 1), *DONE])
        first = await e.call("W/k/run")
        assert await e.state("k", "W") == {"a": b"1"}
        await e.engine.purge(first.invocation_id)
        assert await e.state("k", "W") == {}
        assert await e.inner.promise(KeyRef(service="W", key="k"), "p") is None
        again = await e.call("W/k/run")
        assert (again.invocation_id, again.was_stored) == (first.invocation_id, False)


@in_virtual_time
async def test_what_has_not_ended_stays() -> None:
    """What goes on is not purged, nor is its journal."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers(WAITING)
        invocation_id = await e.send("S/work")
        await e.rest(1)
        for operation in (e.engine.purge, e.engine.purge_journal):
            with pytest.raises(WrongState):
                await operation(invocation_id)
        assert await e.status(invocation_id) is Status.SUSPENDED


@in_virtual_time
async def test_whoever_purges_late_spares_the_next_run() -> None:
    """Two purge a workflow's run, and one stands still until the next run has written: what that wrote stays."""
    async with EngineUnderTest(store=Hooked) as e:
        assert isinstance(e.store, Hooked)
        e.script["W/run"] = answers([f.set_state("a", b"1"), f.complete_promise("p", 1), *DONE])
        first = await e.call("W/k/run")

        async def meanwhile(*_: object, **__: object) -> None:
            await e.engine.purge(first.invocation_id)
            assert not (await e.call("W/k/run")).was_stored

        e.store.hooks["before_forget_key"] = meanwhile
        await e.engine.purge(first.invocation_id)
        assert await e.state("k", "W") == {"a": b"1"}
        assert await e.inner.promise(KeyRef(service="W", key="k"), "p") is not None
        assert (await e.head(first.invocation_id)).status is Status.COMPLETED
