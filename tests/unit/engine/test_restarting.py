"""Restarting as new: what is taken over, what is not done again, and what a crash in the midst leaves behind."""

from __future__ import annotations

import asyncio

import pytest

from holdfast_engine.errors import JournalGone, NotRestartable, NotStarted, RequestRejected, WrongState
from holdfast_engine.records import Status
from holdfast_engine.world import Settings
from holdfast_protocol.manifest import Options
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Hooked, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType
DONE = [f.output(b"done"), f.END]
STEP = [f.run(1), f.proposal(1)]
WAITING = [f.suspension(signals=(1, 17))]


async def _ended(e: EngineUnderTest, *frames: bytes, path: str = "S/work") -> str:
    """Run an invocation to its end; it does what the frames say unless its journal says that it has."""

    async def work(attempt: Attempt) -> list[bytes]:
        return DONE if len(attempt.request.entries) > 1 else [*frames, *DONE]

    service, *_, handler = path.split("/")
    e.script[f"{service}/{handler}"] = work
    return (await e.call(path)).invocation_id


@in_virtual_time
async def test_only_the_prefix_is_taken_over() -> None:
    """The new journal begins with the entries up to the index, and the completions of their commands."""
    async with EngineUnderTest() as e:
        # Input, run, set, its result: the answer to the run comes behind the index.
        old = await _ended(e, f.run(1), f.run(2), f.proposal(1), f.proposal(2))
        assert await e.types(old) == [T.INPUT, T.RUN, T.RUN, T.RUN_COMPLETION, T.RUN_COMPLETION, T.OUTPUT]
        restarted = await e.engine.restart(old, from_index=1, deployment=None)
        await e.outcome(restarted)
        assert e.script.attempts[-1].types == [T.INPUT, T.RUN, T.RUN_COMPLETION]
        assert e.script.attempts[-1].request.start.random_seed == e.script.attempts[0].request.start.random_seed
        assert (await e.head(old)).status is Status.COMPLETED


@in_virtual_time
async def test_a_prefix_of_many_pages() -> None:
    """A prefix beyond one page is taken over in order, and goes on behind its last page."""
    async with EngineUnderTest(settings=Settings(append_bytes_max=2_000, blob_bytes_min=1_500)) as e:
        results = [b"%d" % number * 900 for number in range(1, 9)]
        frames = [
            frame for number, result in enumerate(results, 1) for frame in (f.run(number), f.proposal(number, result))
        ]
        old = await _ended(e, *frames)
        restarted = await e.engine.restart(old, from_index=16, deployment=None)
        assert (await e.outcome(restarted)).value == b"done"
        assert e.script.attempts[-1].request.entries == (await e.entries(old))[:17]
        assert len(await e.entries(restarted)) == 18


@in_virtual_time
async def test_a_full_page_takes_no_more() -> None:
    """Where the prefix fills the first page, what the new invocation does goes to the next."""
    async with EngineUnderTest() as e:
        old = await _ended(e, f.run(1), f.proposal(1, b"x" * 90_000), f.run(2), f.proposal(2, b"y" * 90_000))
        restarted = await e.engine.restart(old, from_index=4, deployment=None)
        await e.outcome(restarted)
        page = (await e.head(restarted)).page
        assert (page.count, page.closed) == (5, True)


@pytest.mark.parametrize("moment", ["before_create", "after_create", "before_append", "after_append"])
def test_a_crash_in_the_midst(moment: str) -> None:
    """Whoever dies before the head is put has done nothing; whoever dies behind it has done everything."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest(store=Hooked, settings=Settings(append_bytes_max=1_000)) as e:
            assert isinstance(e.store, Hooked)
            old = await _ended(e, f.run(1), f.proposal(1, b"x" * 900), f.run(2), f.proposal(2, b"y" * 900))
            created: list[str] = []

            async def die(first: object, **_: object) -> None:
                created.append(str(getattr(first, "id", first)))
                raise RuntimeError("power cut")

            e.store.hooks[moment] = die
            with pytest.raises(RuntimeError):
                await e.engine.restart(old, from_index=4, deployment=None)
            await e.crash()
            async with e.restarted() as next_one:
                await next_one.rest(60)
                head = await next_one.inner.head(created[0])
                assert (head is not None) == (moment == "after_create")
                if head is not None:
                    assert (await next_one.outcome(head.id)).value == b"done"
                assert await next_one.status(old) is Status.COMPLETED

    play()


@in_virtual_time
async def test_effects_are_not_performed_again() -> None:
    """Calls and sends in front of the index were made by the old invocation."""
    async with EngineUnderTest() as e:
        e.script["S/child"] = answers(DONE)
        e.script["S/other"] = answers(DONE)

        async def parent(attempt: Attempt) -> list[bytes]:
            if attempt.notification(3) is None:
                return [f.send("S", "other", 1), f.call("S", "child", (2, 3)), f.suspension(3)]
            return DONE

        e.script["S/parent"] = parent
        old = (await e.call("S/parent")).invocation_id
        await e.rest(1)
        # Input, send, call, the ids of both, the call's result.
        restarted = await e.engine.restart(old, from_index=5, deployment=None)
        await e.outcome(restarted)
        await e.rest(60)
        handlers = [attempt.request.handler for attempt in e.script.attempts]
        assert (handlers.count("child"), handlers.count("other")) == (1, 1)


@pytest.mark.parametrize("is_killed", [False, True])
def test_state_in_front_of_the_index_is_not_written_again(is_killed: bool) -> None:
    """Only what the new invocation writes itself counts, also when it is killed behind that."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            old = await _ended(e, f.set_state("a", b"old"), f.set_state("b", b"old"), path="O/k/add")
            await _ended(e, f.set_state("a", b"new"), f.set_state("b", b"new"), path="O/k/other")
            e.script.takes = True

            async def handler(attempt: Attempt) -> list[bytes]:
                assert attempt.state == {"a": b"new", "b": b"new"}
                if is_killed:
                    assert attempt.checkpoint is not None
                    await attempt.checkpoint.append([f.set_state("b", b"mine"), f.run(1), f.run_result(1)])
                    await asyncio.Event().wait()
                return [f.set_state("b", b"mine"), *DONE]

            e.script["O/add"] = handler
            restarted = await e.engine.restart(old, from_index=2, deployment=None)
            await e.rest(1)
            if is_killed:
                await e.engine.kill(restarted)
            await e.outcome(restarted)
            await e.rest(1)
            assert await e.state("k") == {"a": b"new", "b": b"mine"}

    play()


@in_virtual_time
async def test_where_it_makes_no_sense() -> None:
    """A prefix has no open command and no entry that is not there; what is not over, or forgotten, has none at all."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([*STEP, *WAITING])
        waiting = await e.send("S/work")
        scheduled = await e.send("S/work", invoke_at_ms=e.clock.now_ms() + 600_000)
        await e.rest(1)
        with pytest.raises(WrongState, match="not ended"):
            await e.engine.restart(waiting, from_index=0, deployment=None)
        with pytest.raises(NotStarted):
            await e.engine.restart(scheduled, from_index=0, deployment=None)
        e.script["S/other"] = answers([*STEP, f.sleep(2, e.clock.now_ms() + 600_000), f.suspension(2)])
        killed = await e.send("S/other")
        await e.rest(1)
        await e.engine.kill(killed)
        with pytest.raises(RequestRejected, match="never completed"):
            await e.engine.restart(killed, from_index=3, deployment=None)
        with pytest.raises(RequestRejected, match="none of index 4"):
            await e.engine.restart(killed, from_index=4, deployment=None)
        assert await e.engine.restart(killed, from_index=2, deployment=None)
        await e.engine.purge_journal(killed)
        with pytest.raises(JournalGone):
            await e.engine.restart(killed, from_index=0, deployment=None)


@in_virtual_time
async def test_what_is_never_restarted() -> None:
    """A workflow's run happens once; a journal from before the seed was sent along is restarted from its input only."""
    old_sdk = deployment(services(), versions=(5, 5))
    async with EngineUnderTest(deployments=[old_sdk]) as e:
        run = await _ended(e, path="W/k/run")
        with pytest.raises(NotRestartable, match="once per key"):
            await e.engine.restart(run, from_index=0, deployment=None)
        old = await _ended(e, *STEP)
        with pytest.raises(NotRestartable, match="version 5"):
            await e.engine.restart(old, from_index=1, deployment=None)
        assert (await e.outcome(await e.engine.restart(old, from_index=0, deployment=None))).value == b"done"


@in_virtual_time
async def test_a_handler_that_only_the_old_deployment_has() -> None:
    """Kept on its deployment, an invocation is restarted though the latest one has no such handler, by its options."""
    service = services(S=Options(journal_retention_ms=3_600_000))[0]
    first = deployment([service])
    async with EngineUnderTest(deployments=[first]) as e:
        old = await _ended(e, *STEP)
        e.registry.put(deployment(services()[1:], number=2))
        e.registry.remove(first.id)
        with pytest.raises(RequestRejected):
            await e.engine.restart(old, from_index=0, deployment=None)
        with pytest.raises(RequestRejected, match="no deployment"):
            await e.engine.restart(old, from_index=0, deployment="keep")
        e.registry.put(first)
        restarted = await e.engine.restart(old, from_index=1, deployment="keep")
        assert (await e.outcome(restarted)).value == b"done"
        assert (await e.head(restarted)).journal_retention_ms == 3_600_000


@in_virtual_time
async def test_a_restart_that_dies_before_its_head_leaves_no_pages() -> None:
    """Pages in front of a head that never came are let go of by the watchdog, and nothing else ever sees them."""

    class Dead(BaseException):
        """The process is gone."""

    async with EngineUnderTest(store=Hooked, settings=Settings(append_bytes_max=1_000)) as e:
        assert isinstance(e.store, Hooked)
        old = await _ended(
            e, *(frame for number in (1, 2) for frame in (f.run(number), f.proposal(number, b"x" * 900)))
        )
        watched: list[str] = []

        async def watchdog(invocation_id: str) -> None:
            watched.append(invocation_id)

        async def die(_: object) -> None:
            raise Dead

        e.world.wakeups.watchdog = watchdog  # type: ignore[method-assign]
        e.store.hooks["before_create"] = die
        with pytest.raises(Dead):
            await e.engine.restart(old, from_index=4, deployment=None)
        (new,) = watched
        count = "SELECT count(*) FROM page WHERE id = ?"
        assert e.inner.database.read(count, (new,)).fetchone()[0] > 0
        await e.engine.advance(new)
        assert e.inner.database.read(count, (new,)).fetchone()[0] == 0
        assert await e.inner.head(new) is None
