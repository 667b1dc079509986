"""The state of virtual objects: read, written, cleared, kept apart, kept safe."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.blackbox.arena import NODE_SDKS
from tests.conformance.blackbox.programs import (
    add,
    attempt,
    awakeable,
    call,
    clear,
    clear_all,
    crash,
    fail,
    get,
    keys,
    put,
    run,
    sleep,
)
from tests.conformance.blackbox.server import Server, failure_of, new, value_of


@pytest.fixture(params=["Actor", "LazyActor"])
def key(request: pytest.FixtureRequest) -> str:
    """The path of a fresh object, whose state is sent along or read when asked for."""
    return f"/{request.param}/{new('key')}/play"


async def test_what_was_never_set_is_nothing(server: Server, key: str) -> None:
    """A fresh key has no state."""
    assert await server.call(key, [get("a"), keys()]) == [None, []]


async def test_state_outlives_the_invocation(server: Server, key: str) -> None:
    """What one invocation sets the next one reads."""
    assert await server.call(key, [put("a", 1), put("b", {"c": [2]})]) == [None, None]
    assert await server.call(key, [get("a"), get("b"), keys()]) == [1, {"c": [2]}, ["a", "b"]]


async def test_an_invocation_reads_its_own_writes(server: Server, key: str) -> None:
    """Set, clear and clear-all show at once."""
    program = [put("a", 1), get("a"), put("a", 2), get("a"), clear("a"), get("a")]
    assert await server.call(key, program) == [None, 1, None, 2, None, None]
    program = [put("a", 1), put("b", 2), clear_all(), get("a"), keys(), put("c", 3), keys()]
    assert await server.call(key, program) == [None, None, None, None, [], None, ["c"]]
    assert await server.call(key, [keys(), get("c")]) == [["c"], 3]


async def test_writes_are_read_across_suspensions(server: Server, key: str) -> None:
    """Sleeping between a write and a read changes nothing."""
    await server.call(key, [put("old", 1), put("gone", 1)])
    program = [put("a", 1), clear("gone"), sleep(20), get("a"), get("gone"), get("old")]
    assert await server.call(key, program) == [None, None, None, 1, None, 1]
    assert await server.call(key, [keys()]) == [["a", "old"]]


# With state sent along, the official SDKs still list a name that the same invocation has cleared, on either server.
@pytest.mark.sdks("in-process", "holdfast")
async def test_a_cleared_name_is_not_listed(server: Server, key: str) -> None:
    """The names do not include what the invocation has just cleared."""
    assert await server.call(key, [put("a", 1), put("b", 1), clear("a"), keys()]) == [None, None, None, ["b"]]


async def test_one_name_is_cleared(server: Server, key: str) -> None:
    """Clearing a name leaves the others; clearing what is not there does no harm."""
    await server.call(key, [put("a", 1), put("b", 2)])
    await server.call(key, [clear("a"), clear("never")])
    assert await server.call(key, [get("a"), get("b"), keys()]) == [None, 2, ["b"]]


async def test_everything_is_cleared(server: Server, key: str) -> None:
    """After clear-all a key is as if it had never been used."""
    await server.call(key, [put("a", 1), put("b", 2)])
    await server.call(key, [clear_all()])
    assert await server.call(key, [get("a"), keys()]) == [None, []]


async def test_keys_have_states_of_their_own(server: Server) -> None:
    """One key's state is not another's, and not another service's."""
    one, other = new("key"), new("key")
    await server.act(one, put("a", 1))
    assert await server.act(other, get("a")) == [None]
    assert await server.call(f"/LazyActor/{one}/play", [get("a")]) == [None]


async def test_shared_handlers_read_state(server: Server) -> None:
    """A shared handler sees what was written before."""
    key = new("key")
    await server.act(key, put("a", 1))
    assert await server.call(f"/Actor/{key}/watch", [get("a"), keys()]) == [1, ["a"]]


async def test_shared_handlers_see_a_writer_that_waits(server: Server) -> None:
    """What an invocation wrote is visible to others once it waits for something."""
    key, name = new("key"), new("wait")
    writer = await server.start(put("a", 1), awakeable(name), put("a", 2), path=f"/Actor/{key}/play")
    token = await server.awakeable(name)
    await server.until(writer, "suspended")
    assert await server.call(f"/Actor/{key}/watch", [get("a")]) == [1]
    await server.resolve(token, None)
    await server.result(writer)
    assert await server.call(f"/Actor/{key}/watch", [get("a")]) == [2]


async def test_failed_invocations_keep_what_they_wrote(server: Server, key: str) -> None:
    """State is not undone by a failure: that is what compensations are for."""
    answer = await server.post(key, [put("a", 1), fail("no", 409)])
    assert failure_of(answer) == (409, "no")
    assert await server.call(key, [get("a")]) == [1]


async def test_retries_do_not_write_twice(server: Server, key: str) -> None:
    """An attempt that fails after a write is repeated, and the sum is right all the same."""
    await server.call(key, [add("n", 1)])
    program = [add("n", 10), crash(new("crash"), 2), add("n", 100), crash(new("crash"), 2), get("n")]
    assert (await server.call(key, program))[-1] == 111
    assert await server.call(key, [get("n")]) == [111]


async def test_concurrent_additions_add_up(server: Server, key: str) -> None:
    """Read-modify-write in exclusive handlers loses nothing, however many come at once."""
    await asyncio.gather(*(server.call(key, [add("n", 1)]) for _ in range(25)))
    assert await server.call(key, [get("n")]) == [25]


async def test_names_and_values_are_any_text(server: Server, key: str) -> None:
    """Names of state are text, values are JSON, and neither is changed."""
    names = ["", " ", "a/b", "ключ", "🔑", "x" * 500]
    values: list[Any] = [None, "", "ä", 0, [], {"deep": [{"er": None}]}]
    await server.call(key, [put(name, value) for name, value in zip(names, values, strict=True)])
    assert await server.call(key, [get(name) for name in names]) == values
    assert await server.call(key, [keys()]) == [sorted(names)]


async def test_many_names(server: Server, key: str) -> None:
    """A key holds hundreds of values."""
    await server.call(key, [put(f"n{number:03}", number) for number in range(200)])
    assert await server.call(key, [keys(), get("n000"), get("n199")]) == [[f"n{n:03}" for n in range(200)], 0, 199]


async def test_steps_see_state_from_before(server: Server, key: str) -> None:
    """State and steps interleave in one journal."""
    program = [put("a", 1), run("one", 1), get("a"), put("a", 2), run("two", 2), get("a")]
    assert await server.call(key, program) == [None, 1, 1, None, 2, 2]


async def test_calls_to_the_same_object_type_have_their_own_state(server: Server) -> None:
    """A handler that calls another key of its own service reads its own state afterwards."""
    one, other = new("key"), new("key")
    program = [put("a", 1), call("Actor", "play", [put("a", 2), get("a")], key=other), get("a")]
    assert await server.act(one, *program) == [None, [None, 2], 1]


async def test_shared_handlers_may_not_write(server: Server) -> None:
    """A shared handler that tries to write gets nowhere."""
    if server.arena.sdk in NODE_SDKS:
        # Its shared context still has the method, and the attempt is refused and repeated by both servers.
        return
    key = new("key")
    path = f"/Actor/{key}/watch"
    invocation = await server.send(path, [put("a", 1)])
    await asyncio.sleep(0.3)
    assert not await server.has_ended(invocation)
    assert await server.act(key, get("a")) == [None]
    await server.operate("kill", invocation)


async def test_a_caught_failure_leaves_earlier_writes(server: Server, key: str) -> None:
    """Catching a failure in the middle keeps what was written on both sides of it."""
    program = [put("a", 1), attempt(put("b", 2), fail("no")), put("c", 3)]
    assert (await server.call(key, program))[1] == {"failed": [500, "no"]}
    assert value_of(await server.post(key, [keys()])) == [["a", "b", "c"]]
