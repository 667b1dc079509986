"""Killing: at once, without asking the handler, with the calls it waits for."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.programs import attempt, awakeable, call_known, crash, get, note, put, run, send, sleep
from tests.conformance.blackbox.server import Server, failure_of, new

_LONG = sleep(600_000)
_UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


async def test_a_killed_invocation_has_ended(server: Server) -> None:
    """Killing answers 200, and whoever waits gets a 409."""
    invocation = await server.start(_LONG)
    await server.until(invocation, "suspended")
    assert (await server.operate("kill", invocation)).status_code == 200
    assert failure_of(await server.attach(invocation)) == (409, "killed")


async def test_the_handler_is_not_asked(server: Server) -> None:
    """A handler that would catch a cancellation does not hear of a kill."""
    mark = new("mark")
    invocation = await server.start(attempt(_LONG), note(mark))
    await server.until(invocation, "suspended")
    await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409
    assert server.notes(mark) == []


async def test_called_handlers_are_killed_too(server: Server) -> None:
    """Killing a caller kills whom it waits for."""
    name, mark = new("child"), new("mark")
    invocation = await server.start(call_known(name, "Player", "play", [attempt(_LONG), note(mark)]))
    [child] = await server.noted(f"child {name}")
    await server.until(child, "suspended")
    await server.until(invocation, "suspended")
    await server.operate("kill", invocation)
    assert failure_of(await server.attach(child)) == (409, "killed")
    assert server.notes(mark) == []


async def test_messages_survive(server: Server) -> None:
    """One-way messages live on when their sender is killed."""
    gate, mark = new("gate"), new("mark")
    invocation = await server.start(send("Player", "play", [awakeable(gate), note(mark)]), _LONG)
    token = await server.awakeable(gate)
    await server.until(invocation, "suspended")
    await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409
    await server.resolve(token, None)
    if not server.is_restate:
        # Its documentation says that they survive, and its code kills them all the same (protocol.md 6).
        await server.noted(mark)


async def test_a_caller_hears_of_it(server: Server) -> None:
    """Who waits for a killed invocation gets its 409."""
    name = new("child")
    invocation = await server.start(attempt(call_known(name, "Player", "play", [_LONG])), run("a", 1))
    [child] = await server.noted(f"child {name}")
    await server.until(child, "suspended")
    await server.operate("kill", child)
    assert await server.result(invocation) == [{"failed": [409, "killed"]}, 1]


async def test_who_is_backing_off_is_killed(server: Server) -> None:
    """An invocation between two attempts gets no further one."""
    name = new("crash")
    invocation = await server.start(crash(name))
    await server.noted(f"crashed {name}", times=2)
    await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409
    crashes = len(server.notes(f"crashed {name}"))
    await server.play(sleep(300))
    assert len(server.notes(f"crashed {name}")) == crashes


async def test_a_paused_invocation_is_killed(server: Server) -> None:
    """A paused invocation needs no resume to be killed."""
    invocation = await server.start(crash(new("crash")), path="/Stubborn/play")
    await server.until(invocation, "paused")
    await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409


async def test_a_running_attempt_writes_nothing_more(server: Server) -> None:
    """What an attempt does after its invocation was killed does not count."""
    key, step, mark = new("key"), new("step"), new("mark")
    path = f"/Actor/{key}/play"
    program = [put("a", 1), run(step, pause_ms=300), put("a", 2), send("Player", "play", [note(mark)])]
    invocation = await server.start(*program, path=path)
    await server.noted(f"ran {step}")
    await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409
    assert await server.act(key, sleep(500), get("a")) in ([None, 1], [None, None])
    assert server.notes(mark) == []


async def test_what_it_had_written_stays(server: Server) -> None:
    """State that was committed before the kill is kept."""
    key = new("key")
    invocation = await server.start(put("a", 1), _LONG, path=f"/Actor/{key}/play")
    await server.until(invocation, "suspended")
    await server.operate("kill", invocation)
    assert await server.act(key, get("a")) == [1]


async def test_a_scheduled_invocation_never_starts(server: Server) -> None:
    """Killed before its time, an invocation does nothing at all."""
    mark = new("mark")
    answer = await server.post("/Player/play/send?delay=400ms", [note(mark)])
    invocation = answer.json()["invocationId"]
    await server.until(invocation, "scheduled")
    assert (await server.operate("kill", invocation)).is_success
    await server.play(sleep(500))
    assert server.notes(mark) == []


async def test_an_ended_invocation_stays_as_it_is(server: Server) -> None:
    """Killing what has ended changes nothing."""
    invocation = await server.start(run("a", 1))
    await server.result(invocation)
    assert (await server.operate("kill", invocation)).status_code == 409
    assert await server.result(invocation) == [1]


@pytest.mark.parametrize(("invocation", "status"), [(_UNKNOWN, 404), ("inv_nonsense", 400)])
async def test_what_does_not_exist_cannot_be_killed(server: Server, invocation: str, status: int) -> None:
    """An unknown id is a 404, what is no id a 400."""
    assert (await server.operate("kill", invocation)).status_code == status


async def test_the_older_spelling(server: Server) -> None:
    """DELETE kills, too."""
    invocation = await server.start(_LONG)
    await server.until(invocation, "suspended")
    assert (await server.admin.delete(f"/invocations/{invocation}?mode=kill")).status_code == 202
    assert failure_of(await server.attach(invocation)) == (409, "killed")
