"""The orchestrator dies of SIGKILL and comes back: nothing that it had accepted is lost or done twice."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from tests.conformance.blackbox.arena import IN_PROCESS
from tests.conformance.blackbox.programs import (
    awakeable,
    crash,
    get,
    keep,
    note,
    promise,
    put,
    resolve_signal,
    run,
    send,
    signal,
    sleep,
)
from tests.conformance.blackbox.server import Server, new, value_of

# Each start takes a while, and whose handlers they are makes no difference to what the server remembers.
pytestmark = pytest.mark.sdks(IN_PROCESS, "restate-sdk")


async def _crash(server: Server) -> None:
    """Kill the orchestrator and start it again."""
    process = server.arena.orchestrator.process
    await asyncio.to_thread(process.kill)
    began = time.monotonic()
    await asyncio.to_thread(process.start)
    server.arena.starting_s += time.monotonic() - began


async def test_whoever_waits_goes_on_waiting(server: Server) -> None:
    """Sleeps, awakeables, promises and signals are still waited for, and come."""
    name, key = new("wait"), new("story")
    sleeping = await server.start(sleep(1500), run("a", 1))
    waiting = await server.start(awakeable(name))
    reading = await server.start(promise("p"), path=f"/Story/{key}/run")
    listening = await server.start(signal("go"))
    token = await server.awakeable(name)
    for each in (sleeping, waiting, reading, listening):
        await server.until(each, "suspended", "running")
    await _crash(server)
    await server.resolve(token, 2)
    await server.call(f"/Story/{key}/watch", [keep("p", 3)])
    await server.play(resolve_signal(listening, "go", 4))
    assert [await server.result(each) for each in (sleeping, waiting, reading, listening)] == [[None, 1], [2], [3], [4]]


async def test_what_was_scheduled_comes_at_its_time(server: Server) -> None:
    """A delayed send that became due while the server was down runs when it is up."""
    soon = (await server.post("/Player/play/send?delay=200ms", [run("a", 1)])).json()["invocationId"]
    began = time.monotonic()
    later = (await server.post("/Player/play/send?delay=3s", [run("a", 2)])).json()["invocationId"]
    await _crash(server)
    assert await server.result(soon) == [1]
    assert await server.result(later) == [2]
    assert time.monotonic() - began >= 3


async def test_state_and_results_are_kept(server: Server) -> None:
    """State, stored results, idempotency and what operators have set outlive the process."""
    key, idempotency = new("key"), {"idempotency-key": new("ik")}
    await server.act(key, put("a", 1))
    first = await server.post("/Player/play", [run("a", 5)], headers=idempotency)
    await server.admin.patch("/services/Stubborn", json={"idempotency_retention": "3h"})
    await _crash(server)
    assert (await server.admin.get("/services/Stubborn")).json()["idempotency_retention"] == "3h"
    assert await server.act(key, get("a")) == [1]
    second = await server.post("/Player/play", [run("a", 6)], headers=idempotency)
    assert value_of(first) == value_of(second) == [5]
    assert first.headers["x-restate-id"] == second.headers["x-restate-id"]


async def test_the_queue_of_a_key_keeps_its_order(server: Server) -> None:
    """Those who waited for a key still do, in their order."""
    key, name, mark = new("key"), new("wait"), new("mark")
    path = f"/Actor/{key}/play"
    await server.start(awakeable(name), note(f"{mark} first"), path=path)
    token = await server.awakeable(name)
    for number in range(4):
        await server.start(note(f"{mark} {number}"), path=path)
    await _crash(server)
    await server.resolve(token, None)
    assert await server.noted(mark, times=5) == ["first", "0", "1", "2", "3"]


async def test_a_running_invocation_is_taken_up_again(server: Server) -> None:
    """What was recorded before the crash is not executed again, what was under way is."""
    before, step = new("before"), new("step")
    invocation = await server.start(run(before, 1), sleep(1), run(step, 2, pause_ms=700), run(new("after"), 3))
    await server.noted(f"ran {step}")
    await _crash(server)
    assert await server.result(invocation) == [1, None, 2, 3]
    assert server.notes("ran ").count(before) == 1
    assert server.notes("ran ").count(step) <= 2


async def test_messages_arrive_once(server: Server) -> None:
    """Messages that were sent just before the crash arrive, and none arrives twice."""
    steps = [new("step") for _ in range(10)]
    await server.play(*(send("Player", "play", [run(step)], delay_ms=500) for step in steps))
    await _crash(server)
    for step in steps:
        await server.noted(f"ran {step}")
    assert [server.notes("ran ").count(step) for step in steps] == [1] * 10


async def test_retries_go_on(server: Server) -> None:
    """An invocation that was failing fails on, and succeeds when it can."""
    name = new("crash")
    invocation = await server.start(crash(name, 40), run("a", 1))
    await server.noted(f"crashed {name}", times=2)
    await _crash(server)
    assert await server.result(invocation) == [None, 1]


async def test_a_client_that_was_cut_off_asks_again(server: Server) -> None:
    """A request whose connection broke is repeated with its key, and finds its invocation."""
    name, key = new("wait"), new("ik")
    headers = {"idempotency-key": key}
    asking = asyncio.create_task(server.post("/Player/play", [awakeable(name)], headers=headers))
    token = await server.awakeable(name)
    # What a handler does outside of its steps may come before the server has its own record of it.
    target = {"target": "idempotentInvocation", "service": "Player", "handler": "play", "idempotencyKey": key}
    await server.until((await server.post("/restate/lookup", target)).json()["invocationId"], "suspended")
    await _crash(server)
    with pytest.raises(httpx.TransportError):
        await asking
    again = asyncio.create_task(server.post("/Player/play", [], headers=headers))
    await server.resolve(token, 1)
    assert value_of(await again) == [1]
