"""What fails for good, what is tried again, and who hears of it."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.arena import PYTHON_SDKS
from tests.conformance.blackbox.programs import (
    about,
    attempt,
    call,
    crash,
    dice,
    fail,
    note,
    put,
    run,
    send,
    sleep,
)
from tests.conformance.blackbox.server import Server, failure_of, new


async def test_a_crash_is_tried_again(server: Server) -> None:
    """Whatever a handler throws that is no terminal failure, another attempt follows."""
    name = new("crash")
    assert await server.play(crash(name, 4), run("a", 1)) == [None, 1]
    assert len(server.notes(f"crashed {name}")) == 4


async def test_a_terminal_failure_ends_the_invocation(server: Server) -> None:
    """Nothing after a terminal failure is executed, and nothing is tried again."""
    before, after = new("before"), new("after")
    answer = await server.post("/Player/play", [note(before), fail("enough", 422), note(after)])
    assert failure_of(answer) == (422, "enough")
    assert (len(server.notes(before)), len(server.notes(after))) == (1, 0)


async def test_failures_travel_through_calls(server: Server) -> None:
    """A called handler's failure is thrown in its caller with code and words, over several levels."""
    inner = call("Player", "play", [fail("deep down", 418)])
    middle = call("Player", "play", [inner])
    assert failure_of(await server.post("/Player/play", [middle])) == (418, "deep down")


async def test_metadata_travels_through_calls(server: Server) -> None:
    """What a failure carries besides comes through as well."""
    inner = call("Player", "play", [fail("no", 409, {"why": "because"})])
    answer = await server.post("/Player/play", [inner])
    assert answer.json()["metadata"] == {"why": "because"}


async def test_a_caught_failure_is_no_failure(server: Server) -> None:
    """A caller that catches goes on, and its result counts."""
    inner = call("Player", "play", [fail("no", 409)])
    assert await server.play(attempt(inner), run("a", 1)) == [{"failed": [409, "no"]}, 1]


async def test_a_failed_message_does_not_concern_its_sender(server: Server) -> None:
    """What becomes of a one-way message is not the sender's business."""
    [invocation, value] = await server.play(send("Player", "play", [fail("no", 409)]), run("a", 1))
    assert value == 1
    assert failure_of(await server.attach(invocation)) == (409, "no")


async def test_attempts_run_out_and_it_pauses(server: Server) -> None:
    """An invocation whose attempts are used up is paused where its policy says so."""
    name = new("crash")
    invocation = await server.start(crash(name), path="/Stubborn/play")
    await server.until(invocation, "paused")
    assert len(server.notes(f"crashed {name}")) == 2
    assert (await server.output(invocation)).status_code == 470
    await server.operate("kill", invocation)


async def test_attempts_run_out_and_it_is_killed(server: Server) -> None:
    """Or it ends with its last failure, which its caller gets."""
    name = new("crash")
    answer = await server.post("/Fragile/play", [crash(name)])
    assert answer.status_code == 500
    assert "crashed the 2. time" in answer.json()["message"]
    assert len(server.notes(f"crashed {name}")) == 2


async def test_a_killed_callee_fails_its_caller(server: Server) -> None:
    """A caller hears when the attempts of whom it called run out."""
    [result] = await server.play(attempt(call("Fragile", "play", [crash(new("crash"))])))
    assert result["failed"][0] == 500


async def test_attempts_start_anew_after_a_suspension(server: Server) -> None:
    """An invocation that waited for something has all its attempts again."""
    program = [each for _ in range(3) for each in (crash(new("crash"), 1), sleep(300))]
    assert await server.call("/Fragile/play", program) == [None] * 6


async def test_dice_are_the_same_in_every_attempt(server: Server) -> None:
    """Random numbers, UUIDs and the time do not change when a handler is tried again."""
    key = new("key")
    program = [dice(), put("seen", 1), crash(new("crash"), 1), sleep(1), dice()]
    [first, *_, second] = await server.act(key, *program)
    again = await server.act(key, dice())
    assert first[0] != second[0] != again[0][0]
    assert first[1] != second[1] != again[0][1]
    assert first[2] <= second[2] <= again[0][2]


async def test_a_call_to_nobody_waits(server: Server) -> None:
    """A handler that calls a service that is not registered waits for it instead of failing."""
    invocation = await server.start(attempt(call("NobodyYet", "play", [])))
    await server.until(invocation, "backing-off", "running", "ready")
    assert not await server.has_ended(invocation)
    await server.operate("kill", invocation)


@pytest.mark.sdks(*PYTHON_SDKS)
async def test_an_empty_failure(server: Server) -> None:
    """A failure need not say anything."""
    answer = await server.post("/Player/play", [fail("", 500)])
    assert (answer.status_code, answer.json()["message"]) == (500, "")


async def test_a_failure_says_all_it_has_to_say(server: Server) -> None:
    """Long words and any script come through."""
    words = "так не пойдёт 🙅 " * 500
    assert failure_of(await server.post("/Player/play", [fail(words, 400)])) == (400, words)


async def test_an_object_that_failed_is_usable(server: Server) -> None:
    """A key whose handler failed, for good or for a while, serves the next one."""
    key = new("key")
    await server.post(f"/Actor/{key}/play", [fail("no")])
    await server.act(key, crash(new("crash"), 2))
    assert (await server.act(key, about()))[0]["key"] == key
