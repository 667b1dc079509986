"""Crashes and stalls at every single operation of the store: whatever was promised holds in the end.

The client of each scene does what a client does: it repeats its request with the same idempotency key until answered.
Not verified here: two processes at once beyond one that stalls and comes back, and lost or doubled messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from holdfast_engine.records import Failure, KeyRef, Outcome, Status
from holdfast_engine.world import Settings
from holdfast_local.sqlite_store import SqliteStore
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType, is_command
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, Handler, Script, answers
from tests.support.fragile import Fate, FragileStore
from tests.support.virtual_time import VirtualClock, in_virtual_time
from tests.unit.engine.test_workflows import awaiting

T = MessageType
FATES: tuple[Fate, ...] = get_args(Fate)


@dataclass
class Scene:
    """What happens: handlers, what the client does until it has its answer, and what must hold in the end."""

    play: Callable[[EngineUnderTest], Awaitable[None]]
    check: Callable[[EngineUnderTest], Awaitable[None]]
    handlers: dict[str, Handler]
    takes: bool = False


def family() -> Scene:
    """A parent calls a child and sends to another; each does its work once."""

    async def parent(attempt: Attempt) -> list[bytes]:
        result = attempt.notification(2)
        if result is not None:
            return [f.output(b"parent of " + result.value.content), f.END]
        commands = [f.call("S", "child", (1, 2)), f.send("S", "other", 3), f.call("S", "work", (4, 5))]
        return [*(commands if T.CALL not in attempt.types else []), f.suspension(2)]

    async def play(e: EngineUnderTest) -> None:
        assert (await e.call("S/parent", idempotency_key="once")).outcome.value == b"parent of child"

    async def check(e: EngineUnderTest) -> None:
        ended = {attempt.request.handler: attempt.id for attempt in e.script.attempts}
        assert set(ended) == {"parent", "child", "other", "work"}
        assert len({attempt.id for attempt in e.script.attempts}) == 4

    ends: dict[str, Handler] = {
        f"S/{name}": answers([f.output(name.encode()), f.END]) for name in ("child", "other", "work")
    }
    return Scene(play=play, check=check, handlers={"S/parent": parent, **ends})


def counters() -> Scene:
    """A sender increments one key several times, beside a client: nothing is lost, doubled or out of order."""

    async def add(attempt: Attempt) -> list[bytes]:
        number = pb.InputCommand.FromString(attempt.request.entries[0][8:]).value.content
        seen = attempt.state.get("seen", b"") + number
        # Visible while it holds the key, by way of a suspension: a wrong one would show in the next attempt.
        if T.SLEEP not in attempt.types:
            wake_at_ms = VirtualClock().now_ms() + 50
            return [f.set_state("seen", seen), f.sleep(1, wake_at_ms), f.suspension(1)]
        return [f.set_state("count", b"%d" % (1 + int(attempt.state.get("count", b"0")))), f.output(), f.END]

    async def play(e: EngineUnderTest) -> None:
        await e.call("S/parent", idempotency_key="once")
        await e.call("O/k/add", b"d", idempotency_key="once")

    async def check(e: EngineUnderTest) -> None:
        state = await e.state("k")
        assert state["count"] == b"4"
        assert sorted(state["seen"]) == sorted(b"abcd")
        assert bytes(byte for byte in state["seen"] if byte != b"d"[0]) == b"abc"

    sends = [f.send("O", "add", number, key="k", parameter=name) for number, name in enumerate((b"a", b"b", b"c"), 1)]
    handlers: dict[str, Handler] = {"O/add": add, "S/parent": answers([*sends, f.output(), f.END])}
    return Scene(play=play, check=check, handlers=handlers)


def promise() -> Scene:
    """A workflow waits for a promise that another handler of it completes."""

    async def play(e: EngineUnderTest) -> None:
        run = await e.send("W/k/run")
        await e.rest(1)
        await e.call("W/k/tell", idempotency_key="once")
        assert (await e.outcome(run)).value == b"yes"

    async def check(e: EngineUnderTest) -> None:
        assert await e.state("k", service="W") == {"n": b"1"}

    run = awaiting(1, f.set_state("n", b"1"), f.get_promise("p", 1))
    return Scene(
        play=play, check=check, handlers={"W/run": run, "W/tell": awaiting(1, f.complete_promise("p", 1, b"yes"))}
    )


def attached() -> Scene:
    """Somebody attaches to an invocation that sleeps for a while."""

    async def play(e: EngineUnderTest) -> None:
        await e.send("S/work", idempotency_key="work")
        assert (await e.call("S/other", idempotency_key="once")).outcome.value == b"x"

    async def check(e: EngineUnderTest) -> None:
        assert {attempt.request.handler for attempt in e.script.attempts} == {"work", "other"}

    request = pb.IdempotentRequestTarget(service_name="S", handler_name="work", idempotency_key="work")

    async def work(attempt: Attempt) -> list[bytes]:
        if attempt.notification(1) is not None:
            return [f.output(b"x"), f.END]
        return [*([f.sleep(1, 1_800_000_003_000)] if T.SLEEP not in attempt.types else []), f.suspension(1)]

    other = awaiting(1, f.attach(1, idempotent_request_target=request))
    return Scene(play=play, check=check, handlers={"S/work": work, "S/other": other})


def steps() -> Scene:
    """A handler with a checkpoint runs steps over several pages; no step whose result is stored runs again."""
    done: dict[int, int] = {}

    async def work(attempt: Attempt) -> list[bytes]:
        assert attempt.checkpoint is not None
        if T.OUTPUT in attempt.types:
            return [f.END]
        for number in range(1, 9):
            if attempt.notification(number) is not None:
                continue
            if not await attempt.checkpoint.barrier():
                return [f.error(message="fenced")]
            command = [] if run_is_recorded(attempt, number) else [f.run(number, "x" * 60)]
            done[number] = done.get(number, 0) + 1
            if not await attempt.checkpoint.append([*command, f.run_result(number, b"r" * 60)]):
                return [f.error(message="fenced")]
        return [f.output(), f.END]

    async def play(e: EngineUnderTest) -> None:
        await e.call("S/work", idempotency_key="once")

    async def check(e: EngineUnderTest) -> None:
        types = await e.types(e.script.attempts[0].id)
        assert types == [T.INPUT, *[T.RUN, T.RUN_COMPLETION] * 8, T.OUTPUT]
        assert set(done) == set(range(1, 9))
        assert sum(done.values()) <= 8 + 1, "more than the step under way was run again"

    return Scene(play=play, check=check, handlers={"S/work": work}, takes=True)


def run_is_recorded(attempt: Attempt, number: int) -> bool:
    runs = [entry for entry in attempt.request.entries if frame_type(entry) == T.RUN]
    return any(pb.RunCommand.FromString(entry[8:]).result_completion_id == number for entry in runs)


def cancelled() -> Scene:
    """A client cancels a parent whose child waits for ever; both end, and the client's request is not lost."""

    async def parent(attempt: Attempt) -> list[bytes]:
        if T.CALL not in attempt.types:
            return [f.call("O", "other", (1, 2), key="k"), f.suspension(2)]
        child = attempt.notification(1)
        if T.SIGNAL in attempt.types and child is not None:
            return [f.send_cancel(child.invocation_id), f.output_failure(409, "cancelled"), f.END]
        return [f.suspension(2)]

    async def child(attempt: Attempt) -> list[bytes]:
        if T.SIGNAL in attempt.types:
            return [f.output_failure(409, "cancelled"), f.END]
        return [f.suspension(signals=(1, 17))]

    async def play(e: EngineUnderTest) -> None:
        parent_id = await e.send("S/parent", idempotency_key="once")
        await e.rest(1)
        await e.engine.cancel(parent_id)
        assert (await e.outcome(parent_id)).failure == Failure(code=409, message="cancelled")

    async def check(e: EngineUnderTest) -> None:
        assert {attempt.request.handler for attempt in e.script.attempts} >= {"parent"}

    return Scene(play=play, check=check, handlers={"S/parent": parent, "O/other": child})


def killed() -> Scene:
    """A client kills a parent: its calls die or never live, what it sent lives, its key is free, its state stays."""

    async def parent(attempt: Attempt) -> list[bytes]:
        commands = [f.set_state("n", b"1"), f.call("S", "child", (1, 2)), f.send("S", "other", 3)]
        return [*(commands if T.CALL not in attempt.types else []), f.suspension(2)]

    async def play(e: EngineUnderTest) -> None:
        parent_id = await e.send("O/k/add", idempotency_key="once")
        await e.rest(1)
        await e.engine.kill(parent_id)
        assert await e.outcome(parent_id) == Outcome(failure=Failure(code=409, message="killed"))

    async def check(e: EngineUnderTest) -> None:
        committed = T.CALL in await e.types(e.script.attempts[0].id)
        assert await e.state("k") == ({"n": b"1"} if committed else {})
        others = [attempt for attempt in e.script.attempts if attempt.request.handler == "other"]
        assert len({attempt.id for attempt in others}) == (1 if committed else 0)

    waiting = answers([f.suspension(signals=(1, 17))])
    handlers: dict[str, Handler] = {"O/add": parent, "S/child": waiting, "S/other": answers([f.output(), f.END])}
    return Scene(play=play, check=check, handlers=handlers)


def failing() -> Scene:
    """A handler that fails twice between its steps ends all the same, and its counts are honest."""

    async def work(attempt: Attempt) -> list[bytes]:
        failures = attempt.request.start.retry_count_since_last_stored_entry
        assert failures <= 4
        if T.RUN not in attempt.types:
            return [f.run(1), f.error()]
        if attempt.notification(1) is None:
            return [f.error()] if failures < 2 else [f.proposal(1), f.suspension(1)]
        return [f.output(), f.END]

    async def play(e: EngineUnderTest) -> None:
        await e.call("S/work", idempotency_key="once")

    async def check(e: EngineUnderTest) -> None:
        assert await e.types(e.script.attempts[0].id) == [T.INPUT, T.RUN, T.RUN_COMPLETION, T.OUTPUT]

    return Scene(play=play, check=check, handlers={"S/work": work})


SCENES = {scene.__name__: scene for scene in (family, counters, promise, attached, steps, cancelled, killed, failing)}
OPERATIONS_MAX = 400


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", SCENES)
def test_a_process_may_fail_at_any_operation(name: str, fate: Fate) -> None:
    """Wherever a process dies or stalls, its successor brings everything to the end that was promised."""
    for operations in range(OPERATIONS_MAX):
        if not _survives(SCENES[name](), operations, fate):
            return
    raise AssertionError(f"{name} takes more than {OPERATIONS_MAX} operations")


def _survives(scene: Scene, operations: int, fate: Fate) -> bool:
    """Play a scene with one failure; return False when it ended before the failure came."""
    struck: list[bool] = []

    @in_virtual_time
    async def play() -> None:
        try:
            struck.append(await _play(scene, operations, fate))
        except BaseException as error:
            error.add_note(f"the process {fate} operation {operations}")
            raise

    play()
    return struck[0]


async def _play(scene: Scene, operations: int, fate: Fate) -> bool:
    script = Script(takes=scene.takes, handlers=dict(scene.handlers))
    stores: list[FragileStore] = []

    def fragile(inner: SqliteStore) -> Any:
        stores.append(FragileStore(inner, operations=operations, fate=fate))
        return stores[0]

    # Whoever waits looks at the store now and then: one that stalled has a successor, of which nobody tells it.
    first = EngineUnderTest(script=script, store=fragile, settings=Settings(is_alone=False))
    async with first:
        client = asyncio.ensure_future(_play_out(scene, first))
        strike = asyncio.ensure_future(stores[0].has_struck.wait())
        await asyncio.wait((client, strike), return_when=asyncio.FIRST_COMPLETED)
        if not strike.done():
            strike.cancel()
            stores[0].disarm()
            await check_all(scene, first)
            return False
        before = await _journals(first)
        if fate.startswith("dies"):
            client.cancel()
            await first.crash()
        async with first.restarted(store=None) as successor:
            await successor.engine.start()
            await asyncio.wait_for(scene.play(successor), 3600)
            stores[0].thaw()
            await successor.rest(300)
            with suppress(asyncio.CancelledError):
                await client
            await successor.rest(300)
            await check_all(scene, successor)
            for invocation_id, entries in before.items():
                after = await successor.entries(invocation_id)
                assert after[: len(entries)] == entries, "a journal only grows (J1)"
            await successor.engine.stop()
    return True


async def _play_out(scene: Scene, e: EngineUnderTest) -> None:
    await scene.play(e)
    await e.rest(120)


async def check_all(scene: Scene, e: EngineUnderTest) -> None:
    """Check what holds in every scene: all have ended, no key is held, and journals are sound; then the scene's own."""
    for invocation_id in await _ids(e):
        head = await e.head(invocation_id)
        assert head.status is Status.COMPLETED, head.target
        entries = await e.entries(invocation_id)
        assert frame_type(entries[0]) == T.INPUT
        commands = [entry for entry in entries if is_command(frame_type(entry))]
        assert len(commands) == len(set(commands)), "a command was stored twice"
    assert await e.inner.unfinished(after=None, limit=100) == []
    for service in ("O", "W"):
        lock = (await e.inner.keyed(KeyRef(service=service, key="k"), with_state=False)).lock
        assert lock.serving == lock.next
        assert lock.holder is None
    await scene.check(e)


async def _ids(e: EngineUnderTest) -> list[str]:
    return [row[0] for row in e.inner.database.read("SELECT id FROM head")]


async def _journals(e: EngineUnderTest) -> dict[str, tuple[bytes, ...]]:
    inner = EngineUnderTest(script=e.script, inner=e.inner, blobs=e.blobs)
    return {invocation_id: await inner.entries(invocation_id) for invocation_id in await _ids(e)}
