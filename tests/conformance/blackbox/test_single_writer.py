"""One exclusive handler per key at a time."""

from __future__ import annotations

import asyncio

from tests.conformance.blackbox.programs import awakeable, call, fail, note, pause, run, send, sleep
from tests.conformance.blackbox.server import Server, failure_of, new


async def test_exclusive_handlers_never_overlap(server: Server) -> None:
    """However many come at once, each enters after the one before has left, sleeps included."""
    key, mark = new("key"), new("mark")
    program = [note(f"{mark} enter"), sleep(5), run(new("step"), pause_ms=5), note(f"{mark} leave")]
    await asyncio.gather(*(server.act(key, *program) for _ in range(8)))
    # A note outside of a step is repeated by every attempt: what counts is that no enter comes before a leave.
    seen = [
        word for index, word in enumerate(server.notes(mark)) if index == 0 or word != server.notes(mark)[index - 1]
    ]
    assert seen == ["enter", "leave"] * 8


async def test_other_keys_do_not_wait(server: Server) -> None:
    """A key that is held does not hold up another."""
    name = new("wait")
    held = await server.start(awakeable(name), path=f"/Actor/{new('key')}/play")
    token = await server.awakeable(name)
    assert await server.act(new("key"), run("a", 1)) == [1]
    await server.resolve(token, None)
    await server.result(held)


async def test_shared_handlers_do_not_wait(server: Server) -> None:
    """A shared handler runs while an exclusive one holds the key."""
    key, name = new("key"), new("wait")
    held = await server.start(awakeable(name), path=f"/Actor/{key}/play")
    token = await server.awakeable(name)
    assert await server.call(f"/Actor/{key}/watch", [run("a", 1)]) == [1]
    await server.resolve(token, None)
    await server.result(held)


async def test_shared_handlers_run_side_by_side(server: Server) -> None:
    """Shared handlers of one key do not wait for each other."""
    key, name = new("key"), new("wait")
    waiting = await server.start(awakeable(name), path=f"/Actor/{key}/watch")
    token = await server.awakeable(name)
    assert await server.call(f"/Actor/{key}/watch", [run("a", 1)]) == [1]
    await server.resolve(token, None)
    await server.result(waiting)


async def test_a_failure_lets_the_next_one_in(server: Server) -> None:
    """A handler that fails for good gives its key back."""
    key = new("key")
    assert failure_of(await server.post(f"/Actor/{key}/play", [fail("no")]))[0] == 500
    assert await server.act(key, run("a", 1)) == [1]


async def test_who_waits_in_the_queue_can_be_cancelled(server: Server) -> None:
    """A waiter that is cancelled never runs, and those behind it do."""
    key, mark, name = new("key"), new("mark"), new("wait")
    path = f"/Actor/{key}/play"
    first = await server.start(awakeable(name), path=path)
    token = await server.awakeable(name)
    second = await server.start(note(f"{mark} second"), path=path)
    third = await server.start(note(f"{mark} third"), path=path)
    await server.until(second, "pending")
    assert (await server.operate("cancel", second)).is_success
    await _check_never_run(server, second)
    await server.resolve(token, None)
    await server.result(first)
    await server.result(third)
    assert server.notes(mark) == ["third"]


async def test_who_holds_the_key_can_be_killed(server: Server) -> None:
    """A killed holder gives its key to the next in the queue."""
    key, name = new("key"), new("wait")
    path = f"/Actor/{key}/play"
    first = await server.start(awakeable(name), path=path)
    await server.awakeable(name)
    second = await server.start(run("a", 2), path=path)
    assert (await server.operate("kill", first)).is_success
    assert await server.result(second) == [2]


async def test_who_waits_in_the_queue_can_be_killed(server: Server) -> None:
    """A killed waiter is passed over."""
    key, name = new("key"), new("wait")
    path = f"/Actor/{key}/play"
    first = await server.start(awakeable(name), path=path)
    token = await server.awakeable(name)
    second = await server.start(run("a", 2), path=path)
    third = await server.start(run("a", 3), path=path)
    await server.until(second, "pending")
    assert (await server.operate("kill", second)).is_success
    await _check_never_run(server, second)
    await server.resolve(token, None)
    await server.result(first)
    assert await server.result(third) == [3]


async def _check_never_run(server: Server, invocation: str) -> None:
    """Check that an invocation that never ran has ended; Restate keeps no trace of it, we keep its end."""
    assert (await server.attach(invocation)).status_code == (404 if server.is_restate else 409)


async def test_objects_call_each_other(server: Server) -> None:
    """A holder that calls another key waits with its own key in hand."""
    one, other, mark = new("one"), new("other"), new("mark")
    chain = call("Actor", "play", [sleep(20), note(f"{mark} inner")], key=other)
    outer = await server.start(chain, note(f"{mark} outer"), path=f"/Actor/{one}/play")
    await server.act(one, note(f"{mark} after"))
    await server.result(outer)
    assert server.notes(mark) == ["inner", "outer", "after"]


async def test_an_object_may_send_to_itself(server: Server) -> None:
    """A message to one's own key runs when the key is free again."""
    key, mark = new("key"), new("mark")
    await server.act(key, send("Actor", "play", [note(f"{mark} sent")], key=key), note(f"{mark} sender"), pause(20))
    assert await server.noted(mark, times=2) == ["sender", "sent"]
