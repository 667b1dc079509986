"""Sleeps and delays: never early, in their order, whatever lies between."""

from __future__ import annotations

import time

from tests.conformance.blackbox.programs import all_of, crash, first_of, note, run, send, sleep
from tests.conformance.blackbox.server import Server, new, value_of


async def test_a_sleep_lasts_as_long_as_it_says(server: Server) -> None:
    """A sleep does not end early."""
    began = time.monotonic()
    assert await server.play(sleep(300)) == [None]
    assert time.monotonic() - began >= 0.3


async def test_a_sleep_of_nothing(server: Server) -> None:
    """A sleep of no time ends."""
    assert await server.play(sleep(0), run("a", 1)) == [None, 1]


async def test_sleeps_follow_each_other(server: Server) -> None:
    """Sleeps one after the other take their sum."""
    began = time.monotonic()
    await server.play(*[sleep(60)] * 5)
    assert time.monotonic() - began >= 0.3


async def test_sleeps_side_by_side(server: Server) -> None:
    """Sleeps at the same time end in the order of their times."""
    assert await server.play(first_of(sleep(400), sleep(30), sleep(200))) == [[1, None]]
    assert await server.play(all_of(sleep(50), sleep(10), sleep(30))) == [[["ok", None]] * 3]


async def test_a_retry_does_not_start_a_sleep_anew(server: Server) -> None:
    """An attempt that fails while a sleep is under way does not move its end."""
    began = time.monotonic()
    name = new("crash")
    await server.play(all_of(sleep(250), run(name, fails=2)))
    assert time.monotonic() - began >= 0.25
    assert await server.play(sleep(100), crash(new("crash"), 2), run("a", 1)) == [None, None, 1]


async def test_many_sleeps(server: Server) -> None:
    """A hundred sleeping invocations all wake."""
    invocations = [await server.start(sleep(200 + number % 7), run("a", number)) for number in range(60)]
    results = [await server.result(invocation) for invocation in invocations]
    assert results == [[None, number] for number in range(60)]


async def test_a_delayed_message_comes_after_its_delay(server: Server) -> None:
    """A handler's message for later is delivered then, and the sender does not wait for it."""
    mark = new("mark")
    began = time.monotonic()
    [invocation] = await server.play(send("Player", "play", [note(mark)], delay_ms=300))
    assert server.notes(mark) == []
    await server.result(invocation)
    assert time.monotonic() - began >= 0.3


async def test_delayed_messages_come_in_the_order_of_their_times(server: Server) -> None:
    """It is the due time that counts, not the time of sending."""
    mark = new("mark")
    sends = [send("Player", "play", [note(f"{mark} {ms}")], delay_ms=ms) for ms in (500, 100, 300)]
    await server.play(*sends)
    assert await server.noted(mark, times=3) == ["100", "300", "500"]


async def test_a_scheduled_invocation_says_so(server: Server) -> None:
    """Until its time comes an invocation is scheduled, has no result, and can be attached to."""
    answer = await server.post("/Player/play/send?delay=400ms", [run("a", 1)])
    invocation = answer.json()["invocationId"]
    await server.until(invocation, "scheduled")
    assert (await server.output(invocation)).status_code == 470
    assert value_of(await server.attach(invocation)) == [1]


async def test_a_long_sleep_waits_without_an_attempt(server: Server) -> None:
    """A sleeping invocation is suspended: nothing runs for it."""
    invocation = await server.start(sleep(600_000))
    await server.until(invocation, "suspended")
    await server.operate("kill", invocation)


async def test_delayed_messages_to_objects_queue_when_due(server: Server) -> None:
    """A delayed message takes its place in the queue of its key when it is due, not when it was sent."""
    key, mark = new("key"), new("mark")
    await server.play(
        send("Actor", "play", [note(f"{mark} later")], key=key, delay_ms=300),
        send("Actor", "play", [note(f"{mark} now")], key=key),
    )
    assert await server.noted(mark, times=2) == ["now", "later"]
