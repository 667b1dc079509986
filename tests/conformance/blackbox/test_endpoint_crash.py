"""Endpoints that die in the middle: their invocations go on where they were, on the next process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.blackbox.arena import REMOTE_SDKS, Arena
from tests.conformance.blackbox.launch import Endpoint
from tests.conformance.blackbox.programs import add, all_of, call, exit_process, get, put, run, send, sleep
from tests.conformance.blackbox.server import Server, new

pytestmark = pytest.mark.sdks(*REMOTE_SDKS)


@pytest_asyncio.fixture
async def endpoint(arena: Arena) -> AsyncIterator[Endpoint]:
    """The endpoint with the handlers, started again whenever it ends."""
    endpoint = arena.endpoint

    async def watch() -> None:
        while True:
            if not endpoint.is_running():
                await asyncio.to_thread(endpoint.start)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    yield endpoint
    watching.cancel()
    if not endpoint.is_running():
        endpoint.start()


async def test_recorded_steps_are_not_executed_again(server: Server, endpoint: Endpoint) -> None:
    """A process that ends between two steps costs nothing of what was recorded before."""
    steps = [new("step") for _ in range(3)]
    program = [run(steps[0], 0), sleep(1), exit_process(new("exit")), run(steps[1], 1), sleep(1), run(steps[2], 2)]
    assert await server.play(*program) == [0, None, None, 1, None, 2]
    assert server.notes("ran ").count(steps[0]) == 1
    assert server.notes("ran ").count(steps[2]) == 1


async def test_it_may_end_again_and_again(server: Server, endpoint: Endpoint) -> None:
    """Each time the next process goes on."""
    program = [each for number in range(3) for each in (run(new("step"), number), exit_process(new("exit")))]
    assert await server.play(*program) == [0, None, 1, None, 2, None]


async def test_a_killed_process_is_no_loss(server: Server, endpoint: Endpoint) -> None:
    """SIGKILL in the middle of a step means that the step is executed again."""
    before, step = new("before"), new("step")
    invocation = await server.start(run(before, 1), run(step, 2, pause_ms=400))
    await server.noted(f"ran {step}")
    endpoint.kill()
    assert await server.result(invocation) == [1, 2]
    assert len(server.notes(f"ran {before}")) == 1
    assert len(server.notes(f"ran {step}")) == 2


async def test_state_is_neither_lost_nor_written_twice(server: Server, endpoint: Endpoint) -> None:
    """A sum is right though the process ended after each addition."""
    key = new("key")
    program = [each for _ in range(3) for each in (add("sum", 1), exit_process(new("exit")))]
    await server.act(key, *program)
    assert await server.act(key, get("sum")) == [3]


async def test_calls_and_messages_are_made_once(server: Server, endpoint: Endpoint) -> None:
    """A process that ends after calling calls nobody twice when it is back."""
    called, sent = new("called"), new("sent")
    program = [
        call("Actor", "play", [add("sum", 1)], key=called),
        send("Actor", "play", [add("sum", 1)], key=sent),
        exit_process(new("exit")),
        run("a", 3),
    ]
    result = await server.play(*program)
    assert (result[0], result[-1]) == ([1], 3)
    assert await server.result(result[1]) == [1]
    assert await server.act(called, get("sum")) == await server.act(sent, get("sum")) == [1]


async def test_everything_waits_while_nobody_is_there(server: Server, endpoint: Endpoint) -> None:
    """Requests that come while the process is down are answered when it is back."""
    endpoint.kill()
    key = new("key")
    assert await asyncio.gather(*(server.act(key, add("sum", 1)) for _ in range(5)))
    assert await server.act(key, put("done", 1), get("sum")) == [None, 5]


async def test_steps_side_by_side_that_were_cut_off(server: Server, endpoint: Endpoint) -> None:
    """Of several steps under way those that were not recorded are executed again."""
    steps = [new("step") for _ in range(3)]
    invocation = await server.start(all_of(*(run(step, n, pause_ms=300) for n, step in enumerate(steps))))
    await server.noted(f"ran {steps[2]}")
    endpoint.kill()
    assert await server.result(invocation) == [[["ok", 0], ["ok", 1], ["ok", 2]]]
