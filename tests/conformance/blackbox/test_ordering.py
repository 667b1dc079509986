"""First in, first out: per key, and per sender."""

from __future__ import annotations

from tests.conformance.blackbox.programs import awakeable, crash, note, run, send, sleep
from tests.conformance.blackbox.server import Server, new


async def test_a_client_s_sends_keep_their_order(server: Server) -> None:
    """Sends to one key run in the order in which they were accepted."""
    key, mark = new("key"), new("mark")
    for number in range(20):
        await server.send(f"/Actor/{key}/play", [note(f"{mark} {number}")])
    assert await server.noted(mark, times=20) == [str(number) for number in range(20)]


async def test_a_handler_s_sends_keep_their_order(server: Server) -> None:
    """What one handler sends to one key runs in that order."""
    key, mark = new("key"), new("mark")
    await server.play(*(send("Actor", "play", [note(f"{mark} {number}")], key=key) for number in range(20)))
    assert await server.noted(mark, times=20) == [str(number) for number in range(20)]


async def test_order_holds_across_suspensions_of_the_sender(server: Server) -> None:
    """A sender that sleeps, runs steps and is retried in between still sends in order."""
    key, mark = new("key"), new("mark")
    program = []
    for number in range(4):
        program += [
            send("Actor", "play", [note(f"{mark} {number}")], key=key),
            sleep(10),
            run(new("step"), fails=1),
            crash(new("crash"), 1),
        ]
    await server.play(*program)
    assert await server.noted(mark, times=4) == ["0", "1", "2", "3"]


async def test_those_who_come_later_wait(server: Server) -> None:
    """While the first waits for the world, those behind it queue up, and then run in order."""
    key, mark, name = new("key"), new("mark"), new("wait")
    first = await server.start(awakeable(name), note(f"{mark} first"), path=f"/Actor/{key}/play")
    token = await server.awakeable(name)
    behind = [await server.start(note(f"{mark} {number}"), path=f"/Actor/{key}/play") for number in range(5)]
    await server.until(behind[0], "pending")
    assert server.notes(mark) == []
    await server.resolve(token, None)
    await server.result(first)
    assert await server.noted(mark, times=6) == ["first", "0", "1", "2", "3", "4"]


async def test_a_call_runs_behind_the_sends_before_it(server: Server) -> None:
    """A call waits for what was sent to its key before."""
    key, mark = new("key"), new("mark")
    program = [send("Actor", "play", [sleep(30), note(f"{mark} {number}")], key=key) for number in range(3)]
    await server.play(*program)
    await server.act(key, note(f"{mark} call"))
    assert server.notes(mark) == ["0", "1", "2", "call"]


async def test_retries_do_not_lose_the_place(server: Server) -> None:
    """An invocation that fails and is tried again is not overtaken."""
    key, mark = new("key"), new("mark")
    await server.send(f"/Actor/{key}/play", [crash(new("crash"), 3), note(f"{mark} first")])
    await server.send(f"/Actor/{key}/play", [note(f"{mark} second")])
    assert await server.noted(mark, times=2) == ["first", "second"]
