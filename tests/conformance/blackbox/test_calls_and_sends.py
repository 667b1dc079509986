"""Handlers calling handlers: results, messages, headers, ids, and who may be called."""

from __future__ import annotations

from tests.conformance.blackbox.programs import (
    about,
    all_of,
    attach,
    attempt,
    awakeable,
    call,
    call_known,
    crash,
    fail,
    get,
    keep,
    note,
    peek,
    put,
    run,
    send,
    sleep,
)
from tests.conformance.blackbox.server import Server, failure_of, new


async def test_a_call_returns_what_the_callee_returned(server: Server) -> None:
    """Services, objects and workflows are called alike."""
    assert await server.play(call("Player", "play", [run("a", 1)])) == [[1]]
    assert await server.play(call("Actor", "play", [run("a", 2)], key=new("key"))) == [[2]]
    assert await server.play(call("Story", "run", [run("a", 3)], key=new("story"))) == [[3]]


async def test_objects_are_reached_by_their_key(server: Server) -> None:
    """State written through a call is there for clients, and the other way round."""
    key = new("key")
    await server.play(call("Actor", "play", [put("a", 1)], key=key))
    assert await server.act(key, get("a"), put("a", 2)) == [1, None]
    assert await server.play(call("Actor", "watch", [get("a")], key=key)) == [[2]]


async def test_other_handlers_of_a_workflow_are_called(server: Server) -> None:
    """A handler talks to a workflow's shared handlers."""
    key = new("story")
    await server.play(call("Story", "watch", [keep("p", 1)], key=key))
    assert await server.play(call("Story", "watch", [peek("p")], key=key)) == [[1]]


async def test_calls_are_made_once(server: Server) -> None:
    """A caller that fails and is tried again calls nobody twice."""
    step = new("step")
    program = [call("Player", "play", [run(step, 1)]), crash(new("crash"), 3)]
    assert await server.play(*program) == [[1], None]
    assert len(server.notes(f"ran {step}")) == 1


async def test_messages_are_sent_once(server: Server) -> None:
    """Neither is a message sent twice."""
    step = new("step")
    await server.play(send("Player", "play", [run(step)]), crash(new("crash"), 3), sleep(20), crash(new("crash"), 1))
    await server.noted(f"ran {step}")
    await server.play(sleep(100))
    assert len(server.notes(f"ran {step}")) == 1


async def test_a_sender_does_not_wait(server: Server) -> None:
    """A message's fate is open when its sender ends."""
    name = new("wait")
    [invocation] = await server.play(send("Player", "play", [awakeable(name)]))
    assert not await server.has_ended(invocation)
    await server.resolve(await server.awakeable(name), 1)
    assert await server.result(invocation) == [1]


async def test_deep_chains(server: Server) -> None:
    """Eight handlers that call each other return through all levels."""
    program = [run("a", "bottom")]
    for _ in range(8):
        program = [call("Player", "play", program)]
    expected: object = "bottom"
    for _ in range(9):
        expected = [expected]
    assert await server.play(*program) == expected


async def test_the_id_of_a_call_is_known_at_once(server: Server) -> None:
    """A caller has its callee's id before the callee has ended."""
    name, gate = new("child"), new("gate")
    invocation = await server.start(call_known(name, "Player", "play", [about(), awakeable(gate)]))
    [child] = await server.noted(f"child {name}")
    await server.resolve(await server.awakeable(gate), None)
    [[about_child, _]] = await server.result(invocation)
    assert about_child["id"] == child


async def test_headers_go_to_the_callee(server: Server) -> None:
    """What a caller adds as headers the callee finds among its own; its caller's do not come along."""
    program = [call("Player", "play", [about()], headers={"x-mine": "1", "X-Other": "2"})]
    [[seen]] = await server.call("/Player/play", program, headers={"x-client": "3"})
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert (headers["x-mine"], headers["x-other"]) == ("1", "2")
    assert "x-client" not in headers


async def test_private_services_are_for_handlers(server: Server) -> None:
    """What clients may not call handlers may."""
    assert await server.play(call("Hidden", "play", [run("a", 1)])) == [[1]]
    [invocation] = await server.play(send("Hidden", "play", [run("a", 2)]))
    assert await server.result(invocation) == [2]


async def test_attaching_to_an_invocation(server: Server) -> None:
    """A handler waits for an invocation that it did not start."""
    name = new("wait")
    other = await server.start(awakeable(name))
    waiting = await server.start(attach(other))
    await server.until(waiting, "suspended")
    await server.resolve(await server.awakeable(name), 7)
    assert await server.result(waiting) == [[7]]
    assert await server.play(attach(other)) == [[7]]


async def test_attaching_to_a_failed_invocation(server: Server) -> None:
    """The failure comes along."""
    other = await server.start(fail("no", 418))
    await server.attach(other)
    assert await server.play(attempt(attach(other))) == [{"failed": [418, "no"]}]


async def test_attaching_to_nothing(server: Server) -> None:
    """An unknown invocation is a terminal 404."""
    [result] = await server.play(attempt(attach("inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz")))
    assert result["failed"][0] == 404


async def test_many_attach_to_one(server: Server) -> None:
    """All who attach get the same result."""
    name = new("wait")
    other = await server.start(awakeable(name))
    waiting = [await server.start(attach(other)) for _ in range(5)]
    for each in waiting:
        await server.until(each, "suspended")
    await server.resolve(await server.awakeable(name), "same")
    assert [await server.result(each) for each in waiting] == [[["same"]]] * 5


async def test_a_callee_s_retries_are_its_own(server: Server) -> None:
    """A callee that fails for a while is waited for."""
    name = new("crash")
    assert await server.play(call("Player", "play", [crash(name, 3), run("a", 1)])) == [[None, 1]]


async def test_two_callers_of_one_key_take_turns(server: Server) -> None:
    """Calls to one key are served one after the other, and each gets its own result."""
    key = new("key")
    calls = [call("Actor", "play", [sleep(10), run("a", number)], key=key) for number in range(5)]
    [results] = await server.play(all_of(*calls))
    assert results == [["ok", [None, number]] for number in range(5)]


async def test_a_message_for_later_can_be_attached_to(server: Server) -> None:
    """A delayed message's id is known at once."""
    [invocation, result] = await server.play(send("Player", "play", [run("a", 5)], delay_ms=200), note(new("mark")))
    assert result is None
    assert await server.result(invocation) == [5]


async def test_void_and_large_arguments_side_by_side(server: Server) -> None:
    """Calls carry whatever JSON they are given."""
    program = [run("a", "x" * 50_000), run("b", None)]
    assert await server.play(call("Player", "play", program)) == [["x" * 50_000, None]]


async def test_a_key_is_any_text_in_calls_too(server: Server) -> None:
    """A handler's key needs no encoding."""
    key = f"a/b %20 ключ {new('key')}"
    [[seen]] = await server.play(call("Actor", "play", [about()], key=key))
    assert seen["key"] == key


async def test_a_failed_call_in_the_middle_of_others(server: Server) -> None:
    """One call's failure, caught, leaves the order of the rest."""
    program = [
        call("Player", "play", [run("a", 1)]),
        attempt(call("Player", "play", [fail("no", 400)])),
        call("Player", "play", [run("a", 3)]),
    ]
    assert await server.play(*program) == [[1], {"failed": [400, "no"]}, [3]]


async def test_a_client_s_failure_is_not_a_caller_s(server: Server) -> None:
    """A caller that fails after a call leaves the callee's work done."""
    key = new("key")
    answer = await server.post("/Player/play", [call("Actor", "play", [put("a", 1)], key=key), fail("no", 409)])
    assert failure_of(answer) == (409, "no")
    assert await server.act(key, get("a")) == [1]
