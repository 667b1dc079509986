"""Awaiting several things: all, the first, one after the other as they come."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.arena import PYTHON_SDKS
from tests.conformance.blackbox.programs import (
    all_of,
    attempt,
    awakeable,
    call,
    crash,
    fail,
    first_of,
    in_turn,
    run,
    sleep,
)
from tests.conformance.blackbox.server import Server, new


async def test_all_of_every_kind(server: Server) -> None:
    """Steps, sleeps, calls and awakeables wait together."""
    name = new("wait")
    child = call("Player", "play", [run("a", 3)])
    invocation = await server.start(all_of(run("a", 1), sleep(20), child, awakeable(name)))
    await server.resolve(await server.awakeable(name), 4)
    assert await server.result(invocation) == [[["ok", 1], ["ok", None], ["ok", [3]], ["ok", 4]]]


async def test_the_first_of_every_kind(server: Server) -> None:
    """The first to come wins, whatever it is."""
    never = awakeable(new("never"))
    assert await server.play(first_of(never, run("a", 1), sleep(5000))) == [[1, 1]]
    assert await server.play(first_of(never, sleep(10), sleep(5000))) == [[1, None]]
    assert await server.play(first_of(never, sleep(5000), call("Player", "play", [run("a", 2)]))) == [[2, [2]]]


async def test_an_awakeable_races_a_timeout(server: Server) -> None:
    """A wait with a bound ends with what comes first."""
    early, late = new("wait"), new("wait")
    in_time = await server.start(first_of(awakeable(early), sleep(600_000)))
    await server.resolve(await server.awakeable(early), "in time")
    assert await server.result(in_time) == [[0, "in time"]]
    assert await server.play(first_of(awakeable(late), sleep(50))) == [[1, None]]


async def test_the_winner_stays_the_winner(server: Server) -> None:
    """What won once wins in every replay, though the others have come meanwhile."""
    name = new("wait")
    race = first_of(sleep(30), awakeable(name), sleep(60))
    invocation = await server.start(race, sleep(200), crash(new("crash"), 2), run("a", 1))
    await server.resolve(await server.awakeable(name), "second")
    result = await server.result(invocation)
    assert result[0] in ([0, None], [1, "second"])
    assert result[1:] == [None, None, 1]


async def test_the_first_failure_is_thrown(server: Server) -> None:
    """When the first to come is a failure, the race fails."""
    failing = call("Player", "play", [fail("no", 409)])
    assert await server.play(attempt(first_of(failing, sleep(5000)))) == [{"failed": [409, "no"]}]


async def test_all_with_failures(server: Server) -> None:
    """Each of several keeps its own end."""
    calls = [call("Player", "play", [run("a", 1)]), call("Player", "play", [fail("no", 418)]), sleep(10)]
    assert await server.play(all_of(*calls)) == [[["ok", [1]], ["failed", 418, "no"], ["ok", None]]]


async def test_fan_out(server: Server) -> None:
    """Thirty calls at once come back complete and in the order in which they were made."""
    calls = [call("Player", "play", [sleep(number % 5), run("a", number)]) for number in range(30)]
    [results] = await server.play(all_of(*calls))
    assert results == [["ok", [None, number]] for number in range(30)]


async def test_the_losers_of_a_race_go_on(server: Server) -> None:
    """What lost a race is not undone: the call that was too slow ends all the same."""
    step = new("step")
    slow = call("Player", "play", [sleep(200), run(step, 1)])
    assert await server.play(first_of(slow, sleep(20))) == [[1, None]]
    await server.noted(f"ran {step}")


async def test_races_follow_each_other(server: Server) -> None:
    """One race after the other, over futures of their own."""
    races = [first_of(sleep(1000 if number % 2 else 5), sleep(5 if number % 2 else 1000)) for number in range(6)]
    assert await server.play(*races) == [[number % 2, None] for number in range(6)]


async def test_a_race_of_steps(server: Server) -> None:
    """Steps that race are all executed, and the quicker one wins for ever."""
    quick, slow = new("quick"), new("slow")
    [[index, value]] = await server.play(first_of(run(slow, "slow", pause_ms=300), run(quick, "quick")))
    assert (index, value) == (1, "quick")
    assert len(server.notes(f"ran {quick}")) == 1


@pytest.mark.sdks(*PYTHON_SDKS)
async def test_in_the_order_of_their_coming(server: Server) -> None:
    """Several can be taken one by one as they come."""
    calls = [call("Player", "play", [sleep(ms), run("a", ms)]) for ms in (500, 10, 250)]
    assert await server.play(in_turn(*calls)) == [[[None, 10], [None, 250], [None, 500]]]


@pytest.mark.sdks(*PYTHON_SDKS)
async def test_the_order_of_coming_is_kept(server: Server) -> None:
    """The order in which they were taken does not change when the handler is tried again."""
    names = [new("wait") for _ in range(3)]
    invocation = await server.start(in_turn(*map(awakeable, names)), crash(new("crash"), 2))
    for name in (names[1], names[2], names[0]):
        await server.resolve(await server.awakeable(name), name)
    assert (await server.result(invocation))[0] == [names[1], names[2], names[0]]
