"""A caller that waits where its callee ends goes on there; whatever happens then, it gets the result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

import holdfast
from holdfast_engine.note_keys import completion_key
from holdfast_engine.records import Status
from tests.bench.cost.cloud import Cloud, Environment, open_cloud
from tests.support.dynoxide import Dynoxide

family = holdfast.Service("Family")
_STEPS: list[str] = []


@family.handler()
async def child(ctx: holdfast.Context, text: str) -> str:
    """Take a step."""
    return await ctx.run_typed("child", _step, name="child", text=text)


@family.handler()
async def parent(ctx: holdfast.Context, text: str) -> str:
    """Call a child, and take a step with what it says."""
    return await ctx.run_typed("parent", _step, name="parent", text=await ctx.service_call(child, text))


@family.handler()
async def grandparent(ctx: holdfast.Context, text: str) -> str:
    """Call a parent."""
    return await ctx.service_call(parent, text)


def _step(name: str, text: str) -> str:
    _STEPS.append(name)
    return text + name[0]


@pytest.fixture
async def cloud(dynoxide: Dynoxide) -> AsyncIterator[Cloud]:
    """An installation."""
    _STEPS.clear()
    async with open_cloud(dynoxide.url, [family], dispatchers=3) as cloud:
        yield cloud


async def outcome(cloud: Cloud, invocation_id: str) -> bytes:
    finished = await cloud.ingress.engine.result(invocation_id, wait=False)
    assert finished is not None
    assert finished.outcome.value is not None
    return finished.outcome.value


async def test_a_caller_goes_on_without_note_and_message(cloud: Cloud) -> None:
    """A parent and its child are seven writes, an entry of the index and a message each, all in one event."""
    invocation_id = await cloud.send("Family", "parent", b'""')
    await cloud.dispatch_once()
    assert await outcome(cloud, invocation_id) == b'"cp"'
    # Create, acquire, suspend; create, end; acquire, end.
    assert cloud.write_units == 9
    assert cloud.queue.requests["send"] == 2
    assert cloud.functions.invocations == 3
    await cloud.come_to_rest()
    assert cloud.write_units == 9
    assert _STEPS == ["child", "parent"]


async def test_outcomes_go_up_a_chain(cloud: Cloud) -> None:
    """Who is handed a result ends with it in its turn, and hands over what came of it if its own caller is here."""
    invocation_id = await cloud.send("Family", "grandparent", b'""')
    await cloud.come_to_rest()
    assert await outcome(cloud, invocation_id) == b'"cp"'
    assert _STEPS == ["child", "parent"]


class Gate:
    """Stops the attempt of a parent that has its child's result."""

    def __init__(self, cloud: Cloud) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        self._attempts = 0
        cloud.functions.around = self._around

    def _around(self, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self._attempts += 1
        # Parent, child, parent again.
        if self._attempts == 3:
            self.reached.set()
            assert self.open.wait(timeout=30)
        return run()

    async def wait(self) -> None:
        await asyncio.to_thread(self.reached.wait, 30)


async def test_a_caller_that_is_fenced_finds_a_note(cloud: Cloud) -> None:
    """An operator who pauses the caller while it goes on loses it nothing: resumed, it has the result."""
    gate = Gate(cloud)
    invocation_id = await cloud.send("Family", "parent", b'""')
    dispatching = asyncio.create_task(cloud.dispatch_once())
    await gate.wait()
    await cloud.ingress.engine.pause(invocation_id)
    gate.open.set()
    await dispatching
    assert (await cloud.head(invocation_id)).status is Status.PAUSED
    cloud.ingress.begin()
    await cloud.ingress.engine.resume(invocation_id, deployment="keep")
    await cloud.come_to_rest()
    assert await outcome(cloud, invocation_id) == b'"cp"'
    assert _STEPS.count("child") == 1


async def test_a_caller_whose_attempt_fails_finds_a_note(cloud: Cloud) -> None:
    """When the function that was to go on with the result is not even reached, the result is there the next time."""
    attempts: list[int] = []

    def cut(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        attempts.append(len(attempts))
        # Parent, child, parent again.
        if len(attempts) == 3:
            raise ConnectionClosedError(endpoint_url="lambda")
        return run()

    cloud.functions.around = cut
    invocation_id = await cloud.send("Family", "parent", b'""')
    await cloud.dispatch_once()
    head = await cloud.head(invocation_id)
    assert head.status is not Status.COMPLETED
    assert await cloud.ingress.world.store.has_note(invocation_id, completion_key(2, first_epoch=1))
    await cloud.come_to_rest()
    assert await outcome(cloud, invocation_id) == b'"cp"'
    assert _STEPS == ["child", "parent"]


async def test_a_process_that_dies_with_a_caller_in_hand(cloud: Cloud) -> None:
    """When the process is gone in the middle its messages come back, and the caller is given the result again."""
    gate = Gate(cloud)
    invocation_id = await cloud.send("Family", "parent", b'""')
    batch = cloud.queue.receive()
    dead = cloud.environment()
    dispatching = asyncio.create_task(cloud.dispatch(dead, batch))
    await gate.wait()
    kill(dead, dispatching)
    gate.open.set()
    cloud.queue.finish(batch, {str(message.number) for message in batch})
    await cloud.come_to_rest()
    assert await outcome(cloud, invocation_id) == b'"cp"'
    assert _STEPS.count("child") == 1


def kill(process: Environment, *tasks: asyncio.Task[Any]) -> None:
    """Let nothing of a process go on."""
    for task in (*tasks, *process.world.tasks._tasks):
        task.cancel()


async def test_a_message_whose_caller_was_cut_off_comes_back(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """When time is up with a caller in hand, its message is not acknowledged."""
    gate = Gate(cloud)
    invocation_id = await cloud.send("Family", "parent", b'""')
    slow = cloud.environment()

    async def too_late() -> None:
        await gate.wait()
        await slow.world.tasks.drain(0)

    monkeypatch.setattr(slow, "settle", too_late)
    await cloud.dispatch(slow, cloud.queue.receive())
    assert cloud.queue.requests["delete"] == 0
    gate.open.set()
    await cloud.come_to_rest()
    assert await outcome(cloud, invocation_id) == b'"cp"'
    assert _STEPS.count("child") == 1


class Doomed:
    """A dispatcher that dies at one of its requests to DynamoDB, before or after that has taken effect."""

    def __init__(self, cloud: Cloud, *, moment: int, is_after: bool) -> None:
        self.process = cloud.new_environment()
        self.has_died = False
        self._left, self._is_after = moment, is_after
        self._send = self.process.store.dynamo._send
        self.process.store.dynamo._send = self._fatal  # type: ignore[method-assign]

    async def handle(self, cloud: Cloud) -> None:
        """Handle what can be received; its messages come back if it dies meanwhile."""
        batch = cloud.queue.receive()
        self._dispatching = asyncio.create_task(cloud.dispatch(self.process, batch))
        await asyncio.wait([self._dispatching])
        if self.has_died:
            cloud.queue.finish(batch, {str(message.number) for message in batch})
        else:
            await self._dispatching

    async def _fatal(self, method: Any, request: Any) -> Any:
        self._left -= 1
        if self._left != 0:
            return await self._send(method, request)
        if self._is_after:
            await self._send(method, request)
        self.has_died = True
        kill(self.process, self._dispatching)
        return await asyncio.Event().wait()


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
async def test_a_process_may_die_at_any_request(cloud: Cloud, is_after: bool) -> None:
    """Wherever it dies, the caller gets the result, once, and what the child has recorded is not done again."""
    moment = 0
    while True:
        moment += 1
        _STEPS.clear()
        invocation_id = await cloud.send("Family", "parent", b'""')
        doomed = Doomed(cloud, moment=moment, is_after=is_after)
        await doomed.handle(cloud)
        if not doomed.has_died:
            break
        await cloud.come_to_rest()
        assert await outcome(cloud, invocation_id) == b'"cp"', moment
        # Its one step travels with its answer, so that one is lost with the process that waits for it.
        assert _STEPS.count("child") <= 2, moment
    # A load, two acquires, a look at notes; a create, three commits.
    assert moment > 8
