"""Restarting as new: what has ended runs again under another id, from its input or from a step that it took."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.programs import (
    Op,
    about,
    add,
    attempt,
    awakeable,
    call,
    dice,
    fail,
    get,
    note,
    run,
    send,
    sleep,
)
from tests.conformance.blackbox.server import Server, failure_of, new

_LONG = sleep(600_000)
_UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


async def _ended(server: Server, *program: Op, path: str = "/Player/play") -> str:
    """Play a program to its end, and return the invocation."""
    invocation = await server.start(*program, path=path)
    await server.attach(invocation)
    return invocation


async def _restarted(server: Server, invocation: str, **query: str | int) -> str:
    """Restart an invocation, and return the new one."""
    answer = await server.operate("restart-as-new", invocation, **query)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["new_invocation_id"])


@pytest.mark.parametrize("query", [{}, {"from": 0}])
async def test_from_the_input(server: Server, query: dict[str, int]) -> None:
    """A restarted invocation does everything again, as another one; the old one keeps its result."""
    step = new("step")
    old = await _ended(server, run(step, 1), sleep(10), run(new("step"), 2))
    restarted = await _restarted(server, old, **query)
    assert restarted != old
    assert await server.result(restarted) == [1, None, 2]
    assert await server.result(old) == [1, None, 2]
    assert server.notes("ran ").count(step) == 2


@pytest.mark.parametrize(
    ("index", "again"), [(1, [False, True]), (2, [False, True]), (4, [False, True]), (5, [False, False])]
)
async def test_from_a_step(server: Server, index: int, again: list[bool]) -> None:
    """What an invocation did up to an entry is not done again, even if its result came later."""
    first, second = new("first"), new("second")
    # Input, run, its result, sleep, that it is over, run, its result, output.
    old = await _ended(server, run(first, 1), sleep(10), run(second, 2))
    restarted = await _restarted(server, old, **{"from": index})
    assert await server.result(restarted) == [1, None, 2]
    assert [server.notes("ran ").count(step) == 2 for step in (first, second)] == again


async def test_from_the_end(server: Server) -> None:
    """Restarted from its last entry, an invocation ends as the old one did."""
    step = new("step")
    old = await _ended(server, run(step, 1))
    restarted = await _restarted(server, old, **{"from": 3})
    assert await server.result(restarted) == [1]
    assert server.notes("ran ").count(step) == 1


async def test_a_called_handler_is_not_called_again(server: Server) -> None:
    """A call and a message in front of the entry were made by the old invocation, and are not made by the new one."""
    step, mark = new("step"), new("mark")
    old = await _ended(
        server, send("Player", "play", [note(mark)]), call("Player", "play", [run(step, 1)]), run("a", 2)
    )
    await server.noted(mark)
    before = await server.result(old)
    # Input, send, its id, call, its id, its result.
    restarted = await _restarted(server, old, **{"from": 5})
    assert await server.result(restarted) == before
    assert server.notes("ran ").count(step) == 1
    assert len(server.notes(mark)) == 1


async def test_state_is_not_written_twice(server: Server) -> None:
    """Writes in front of the entry count once; those behind it, and all from the input, are made again."""
    key = new("key")
    path = f"/Actor/{key}/play"
    # Input, get, set, run, its result, get.
    old = await _ended(server, add("n", 5), run("a", 1), get("n"), path=path)
    assert await server.result(await _restarted(server, old)) == [10, 1, 10]
    restarted = await _restarted(server, old, **{"from": 2})
    # It remembers its own sum, and sees what is there behind the step.
    assert (await server.result(restarted))[:2] == [5, 1]
    assert await server.act(key, get("n")) == [10]


async def test_a_restarted_one_waits_for_its_key(server: Server) -> None:
    """A restarted invocation of an object stands in line like any other."""
    key, name = new("key"), new("wait")
    path = f"/Actor/{key}/play"
    old = await _ended(server, about(), path=path)
    holder = await server.start(awakeable(name), path=path)
    token = await server.awakeable(name)
    restarted = await _restarted(server, old)
    await server.until(restarted, "pending")
    await server.resolve(token, 1)
    await server.result(holder)
    [shown] = await server.result(restarted)
    assert (shown["key"], shown["id"]) == (key, restarted)


async def test_headers_and_input_are_kept(server: Server) -> None:
    """A restarted invocation gets what its original got."""
    old = await server.send("/Player/play", [about()], headers={"x-thing": "1"})
    await server.attach(old)
    [shown] = await server.result(await _restarted(server, old))
    assert shown["headers"]["x-thing"] == "1"


async def test_what_failed(server: Server) -> None:
    """A failed invocation can be tried again from where it was all right."""
    step, mark = new("step"), new("mark")
    old = await _ended(server, run(step, 1), note(mark), fail("no", 418))
    restarted = await _restarted(server, old, **{"from": 1})
    assert failure_of(await server.attach(restarted)) == (418, "no")
    assert server.notes("ran ").count(step) == 1
    assert len(server.notes(mark)) == 2


async def test_what_was_killed(server: Server) -> None:
    """A killed invocation can be run again, and goes further this time."""
    step, name = new("step"), new("wait")
    old = await server.start(run(step, 1), awakeable(name))
    first = await server.awakeable(name)
    await server.until(old, "suspended")
    await server.operate("kill", old)
    await server.attach(old)
    restarted = await _restarted(server, old, **{"from": 1})
    await server.resolve(await server.awakeable(name, besides=first), 2)
    assert await server.result(restarted) == [1, 2]
    assert server.notes("ran ").count(step) == 1


async def test_what_was_never_answered_is_not_taken_over(server: Server) -> None:
    """An entry behind a command without its completion is no place to restart from; neither is one beyond the end."""
    old = await server.start(run("a", 1), _LONG)
    await server.until(old, "suspended")
    await server.operate("kill", old)
    await server.attach(old)
    for index in (3, 4, 99):
        assert (await server.operate("restart-as-new", old, **{"from": index})).status_code == 400
    restarted = await _restarted(server, old, **{"from": 2})
    await server.until(restarted, "suspended")
    await server.operate("kill", restarted)


async def test_chance_is_the_same(server: Server) -> None:
    """What was drawn in front of the entry stays drawn, and what comes behind it is drawn as the first time."""
    old = await _ended(server, run("a", 1), dice())
    [_, [uuid, number, _]] = await server.result(old)
    [_, [uuid_again, number_again, _]] = await server.result(await _restarted(server, old, **{"from": 1}))
    # Restate gives each restarted invocation a seed of its own, so that a handler which drew before the entry, and did
    # not keep what it drew in a step, asks something else behind it.
    assert ((uuid, number) == (uuid_again, number_again)) is not server.is_restate


async def test_an_idempotency_key_stays_with_the_old_one(server: Server) -> None:
    """A restarted invocation is nobody's duplicate; the key still names the first one."""
    key, step = new("key"), new("step")
    headers = {"idempotency-key": key}
    first = await server.post("/Player/play", [run(step, 1)], headers=headers)
    restarted = await _restarted(server, first.headers["x-restate-id"])
    assert await server.result(restarted) == [1]
    again = await server.post("/Player/play", [run(step, 2)], headers=headers)
    assert again.headers["x-restate-id"] == first.headers["x-restate-id"]
    assert server.notes("ran ").count(step) == 2


async def test_a_restarted_one_can_be_restarted(server: Server) -> None:
    """The prefix that an invocation took over is its own, to be taken over again."""
    step, other = new("step"), new("other")
    old = await _ended(server, run(step, 1), run(other, 2))
    once = await _restarted(server, old, **{"from": 1})
    assert await server.result(once) == [1, 2]
    twice = await _restarted(server, once, **{"from": 3})
    assert await server.result(twice) == [1, 2]
    assert [server.notes("ran ").count(name) for name in (step, other)] == [1, 2]


async def test_a_restarted_one_is_cancelled(server: Server) -> None:
    """A restarted invocation hears a request to cancel like any other."""
    old = await server.start(run("a", 1), attempt(_LONG), run("b", 2))
    await server.until(old, "suspended")
    await server.operate("cancel", old)
    await server.attach(old)
    restarted = await _restarted(server, old, **{"from": 1})
    await server.until(restarted, "suspended")
    await server.operate("cancel", restarted)
    [_, caught, last] = await server.result(restarted)
    assert (caught["failed"][0], last) == (409, 2)


async def test_a_large_prefix(server: Server) -> None:
    """A prefix of many large results is taken over whole."""
    value = "x" * 120_000
    steps = [new("step") for _ in range(6)]
    old = await _ended(server, *(run(step, value) for step in steps), run("last", 1))
    restarted = await _restarted(server, old, **{"from": 2 * len(steps)})
    assert await server.result(restarted) == [*[value] * len(steps), 1]
    assert [server.notes("ran ").count(step) for step in steps] == [1] * len(steps)


async def test_workflows_run_once(server: Server) -> None:
    """A workflow's run is not restarted, whatever from."""
    answer = await server.post(f"/Story/{new('story')}/run", [run("a", 1)])
    for query in ({}, {"from": 1}):
        assert (await server.operate("restart-as-new", answer.headers["x-restate-id"], **query)).status_code == 422


async def test_what_has_not_ended_is_not_restarted(server: Server) -> None:
    """Restarting is for what has ended: what runs is in the way of it, what has not begun has nothing to repeat."""
    running = await server.start(_LONG)
    await server.until(running, "suspended")
    scheduled = await server.send("/Player/play?delay=10m", [])
    assert (await server.operate("restart-as-new", running)).status_code == 409
    assert (await server.operate("restart-as-new", scheduled)).status_code == 425
    await server.operate("kill", running)
    await server.operate("kill", scheduled)


@pytest.mark.parametrize(("invocation", "status"), [(_UNKNOWN, 404), ("inv_nonsense", 400)])
async def test_what_does_not_exist(server: Server, invocation: str, status: int) -> None:
    """An unknown id is a 404, what is no id a 400."""
    assert (await server.operate("restart-as-new", invocation)).status_code == status


async def test_what_makes_no_sense(server: Server) -> None:
    """An entry is named by its index, a deployment by one of two words or its id."""
    old = await _ended(server, run("a", 1))
    queries: list[dict[str, str | int]] = [
        {"from": "x"},
        {"from": -1},
        {"deployment": "nonsense"},
        {"deployment": "dp_10000000000000000000001"},
        {"from": 1, "deployment": "dp_10000000000000000000001"},
    ]
    for query in queries:
        assert (await server.operate("restart-as-new", old, **query)).status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["2", "2"]),
        ({"deployment": "latest"}, ["2", "2"]),
        ({"deployment": "keep"}, ["1", "1"]),
        ({"from": 1}, ["1", "2"]),
        ({"from": 1, "deployment": "latest"}, ["1", "2"]),
        ({"from": 1, "deployment": "keep"}, ["1", "1"]),
        ({"deployment": "first"}, ["1", "1"]),
        ({"from": 1, "deployment": "first"}, ["1", "1"]),
    ],
)
async def test_on_which_deployment(server: Server, query: dict[str, str | int], expected: list[str]) -> None:
    """A restarted invocation runs on the latest deployment, unless another one is named."""
    name = new("wait")
    first = await server.arena.register(server.arena.version("1"), force=True)
    old = await server.send("/Versioned/across", name)
    first_token = await server.awakeable(name)
    await server.resolve(first_token, None)
    assert await server.result(old) == ["1", "1"]
    await server.arena.register(server.arena.version("2"), force=True)
    named = {each: first if value == "first" else value for each, value in query.items()}
    restarted = await _restarted(server, old, **named)
    await server.resolve(await server.awakeable(name, besides=first_token), None)
    assert await server.result(restarted) == expected


async def test_many_at_once(server: Server) -> None:
    """A batch restarts whom it can, says as whom, and why it could not the others."""
    marks = [new("mark") for _ in range(3)]
    olds = [await _ended(server, note(mark)) for mark in marks]
    answer = await server.operate_all("restart-as-new", [*olds, _UNKNOWN])
    renamed = {each["old_invocation_id"]: each["new_invocation_id"] for each in answer["succeeded"]}
    assert sorted(renamed) == sorted(olds)
    assert [each["invocation_id"] for each in answer["failed"]] == [_UNKNOWN]
    for restarted in renamed.values():
        assert await server.result(restarted) == [None]
    assert [len(server.notes(mark)) for mark in marks] == [2, 2, 2]
