"""Workflows: once per key, with promises that every handler of the key can keep, break and await."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.blackbox.arena import PYTHON_SDKS
from tests.conformance.blackbox.programs import (
    attempt,
    awakeable,
    break_promise,
    call,
    fail,
    get,
    keep,
    note,
    peek,
    promise,
    put,
    run,
)
from tests.conformance.blackbox.server import Server, failure_of, new, value_of


@pytest.fixture
def story() -> str:
    """The path of a fresh workflow."""
    return f"/Story/{new('story')}"


async def test_it_runs_once(server: Server, story: str) -> None:
    """A second call of the run is a 409, however it ended."""
    step = new("step")
    assert await server.call(f"{story}/run", [run(step, 1)]) == [1]
    answer = await server.post(f"{story}/run", [run(step, 1)])
    assert answer.status_code == 409
    assert server.notes("ran ").count(step) == 1


async def test_a_second_call_while_it_runs_is_refused_too(server: Server, story: str) -> None:
    """A call does not latch on to a run: attach does."""
    name = new("wait")
    invocation = await server.start(awakeable(name), path=f"{story}/run")
    token = await server.awakeable(name)
    assert (await server.post(f"{story}/run", [])).status_code == 409
    await server.resolve(token, 1)
    assert await server.result(invocation) == [1]


async def test_a_second_send_was_accepted_before(server: Server, story: str) -> None:
    """Sending a known run again names it and starts nothing."""
    first = await server.post(f"{story}/run/send", [run("a", 1)])
    second = await server.post(f"{story}/run/send", [run("a", 2)])
    assert (first.json()["status"], second.json()["status"]) == ("Accepted", "PreviouslyAccepted")
    assert first.json()["invocationId"] == second.json()["invocationId"]
    assert await server.result(first.json()["invocationId"]) == [1]


async def test_its_result_is_found_by_its_key(server: Server) -> None:
    """Attach and output take the workflow's name and key."""
    key, name = new("story"), new("wait")
    await server.send(f"/Story/{key}/run", [awakeable(name)])
    token = await server.awakeable(name)
    path = f"/restate/workflow/Story/{key}"
    assert (await server.ingress.get(f"{path}/output")).status_code == 470
    await server.resolve(token, 1)
    assert value_of(await server.ingress.get(f"{path}/attach")) == [1]
    assert value_of(await server.ingress.get(f"{path}/output")) == [1]
    target = {"target": "workflow", "workflowName": "Story", "workflowKey": key}
    assert value_of(await server.post("/restate/attach", target)) == [1]


async def test_an_unknown_key_is_not_found(server: Server) -> None:
    """A workflow that never ran has no result."""
    assert (await server.ingress.get(f"/restate/workflow/Story/{new('story')}/output")).status_code == 404


async def test_a_promise_is_kept_by_another_handler(server: Server, story: str) -> None:
    """The run waits until a handler of its key keeps the promise."""
    invocation = await server.start(promise("p"), path=f"{story}/run")
    await server.until(invocation, "suspended")
    await server.call(f"{story}/watch", [keep("p", {"kept": True})])
    assert await server.result(invocation) == [{"kept": True}]


async def test_a_promise_may_be_kept_first(server: Server, story: str) -> None:
    """A promise that is kept before anybody waits for it is there when somebody does."""
    await server.call(f"{story}/watch", [keep("p", 1)])
    assert await server.call(f"{story}/run", [promise("p")]) == [1]


async def test_a_broken_promise_fails_who_waits(server: Server, story: str) -> None:
    """Breaking a promise is a terminal failure for all who await it."""
    invocation = await server.start(promise("p"), path=f"{story}/run")
    await server.until(invocation, "suspended")
    await server.call(f"{story}/watch", [break_promise("p", "changed my mind")])
    assert failure_of(await server.attach(invocation)) == (500, "changed my mind")


async def test_peeking_does_not_wait(server: Server, story: str) -> None:
    """Peeking gives nothing until the promise is kept, and its value afterwards."""
    assert await server.call(f"{story}/watch", [peek("p")]) == [None]
    await server.call(f"{story}/watch", [keep("p", 5)])
    assert await server.call(f"{story}/watch", [peek("p")]) == [5]


async def test_a_promise_is_kept_once(server: Server, story: str) -> None:
    """Keeping or breaking it again fails with 409 and changes nothing."""
    await server.call(f"{story}/watch", [keep("p", 1)])
    [again, breaking] = await server.call(f"{story}/watch", [attempt(keep("p", 2)), attempt(break_promise("p", "no"))])
    assert again["failed"][0] == breaking["failed"][0] == 409
    assert await server.call(f"{story}/watch", [peek("p")]) == [1]


async def test_all_who_wait_get_the_same(server: Server, story: str) -> None:
    """A promise has any number of listeners."""
    waiting = [await server.start(promise("p"), path=f"{story}/watch") for _ in range(5)]
    await server.until(waiting[-1], "suspended")
    await server.call(f"{story}/run", [keep("p", "all")])
    assert [await server.result(each) for each in waiting] == [["all"]] * 5


async def test_promises_have_names(server: Server, story: str) -> None:
    """Keeping one promise does not keep another."""
    await server.call(f"{story}/watch", [keep("p", 1)])
    assert await server.call(f"{story}/watch", [peek("p"), peek("q")]) == [1, None]


async def test_keys_have_promises_of_their_own(server: Server, story: str) -> None:
    """One workflow's promise is not another's."""
    await server.call(f"{story}/watch", [keep("p", 1)])
    assert await server.call(f"/Story/{new('story')}/watch", [peek("p")]) == [None]


async def test_promises_outlive_the_run(server: Server, story: str) -> None:
    """A promise can be read, and kept, after the run has ended."""
    await server.call(f"{story}/run", [keep("p", 1)])
    assert await server.call(f"{story}/watch", [promise("p"), keep("q", 2), peek("q")]) == [1, None, 2]


async def test_state_is_shared_with_the_other_handlers(server: Server, story: str) -> None:
    """What the run writes its other handlers read, during the run and after it."""
    name = new("wait")
    invocation = await server.start(put("a", 1), awakeable(name), put("a", 2), path=f"{story}/run")
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    assert await server.call(f"{story}/watch", [get("a")]) == [1]
    await server.resolve(token, None)
    await server.result(invocation)
    assert await server.call(f"{story}/watch", [get("a")]) == [2]


async def test_handlers_run_workflows(server: Server) -> None:
    """A handler calls a run and gets its result; a second call gets a 409."""
    key, step = new("story"), new("step")
    again = call("Story", "run", [run(step, 3)], key=key)
    [first, second] = await server.play(again, attempt(again))
    assert first == [3]
    assert second["failed"][0] == 409
    assert server.notes("ran ").count(step) == 1


async def test_a_failed_run_is_not_repeated(server: Server, story: str) -> None:
    """A run that failed for good has been run."""
    mark = new("mark")
    assert failure_of(await server.post(f"{story}/run", [note(mark), fail("no", 418)])) == (418, "no")
    assert (await server.post(f"{story}/run", [])).status_code == 409
    assert len(server.notes(mark)) == 1


async def test_many_at_once_run_once(server: Server, story: str) -> None:
    """Of twenty runs of one key at the same moment one succeeds."""
    posts = [server.post(f"{story}/run", [run("a", 1, pause_ms=30)]) for _ in range(20)]
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*posts)])
    assert statuses == [200] + [409] * 19


@pytest.mark.sdks(*PYTHON_SDKS)
async def test_a_promise_is_broken_with_a_code(server: Server, story: str) -> None:
    """Who breaks a promise says with which code."""
    await server.call(f"{story}/watch", [break_promise("p", "no", 418)])
    assert await server.call(f"{story}/run", [attempt(promise("p"))]) == [{"failed": [418, "no"]}]
