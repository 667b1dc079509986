"""Cancelling: a request that the handler hears at its next wait, and may clean up after."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.programs import (
    all_of,
    attempt,
    awakeable,
    call_known,
    cancel,
    crash,
    note,
    pause,
    promise,
    run,
    send,
    sleep,
)
from tests.conformance.blackbox.server import Server, failure_of, new

_LONG = sleep(600_000)
_UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"


async def test_a_sleeper_is_woken(server: Server) -> None:
    """A cancelled sleep ends with a terminal 409."""
    invocation = await server.start(_LONG)
    await server.until(invocation, "suspended")
    assert (await server.operate("cancel", invocation)).status_code == 202
    status, message = failure_of(await server.attach(invocation))
    assert (status, message.lower()) == (409, "cancelled")


async def test_who_waits_for_the_world_is_woken(server: Server) -> None:
    """Awaiting an awakeable, a promise or several things at once can be cancelled."""
    name, key = new("wait"), new("story")
    waiting = [
        await server.start(awakeable(name)),
        await server.start(all_of(_LONG, awakeable(new("wait")))),
        await server.start(promise("p"), path=f"/Story/{key}/run"),
    ]
    for invocation in waiting:
        await server.until(invocation, "suspended")
        assert (await server.operate("cancel", invocation)).is_success
        assert (await server.attach(invocation)).status_code == 409


async def test_the_handler_may_clean_up(server: Server) -> None:
    """A handler that catches the cancellation can execute steps, sleep, and return what it likes."""
    step = new("step")
    invocation = await server.start(attempt(_LONG), run(step, 1), sleep(10), run(new("step"), 2))
    await server.until(invocation, "suspended")
    await server.operate("cancel", invocation)
    [caught, *rest] = await server.result(invocation)
    assert caught["failed"][0] == 409
    assert rest == [1, None, 2]
    assert server.notes("ran ").count(step) == 1


async def test_a_second_request_interrupts_the_cleaning_up(server: Server) -> None:
    """Each request to cancel is heard once, at the next wait."""
    mark = new("mark")
    invocation = await server.start(attempt(_LONG), note(mark), attempt(_LONG), run("a", 1))
    await server.until(invocation, "suspended")
    await server.operate("cancel", invocation)
    await server.noted(mark)
    if not server.is_restate:
        # A handler that has caught one request and waits again is sent attempt after attempt there, because the request
        # that it has heard counts as news for ever; so it is never seen suspended.
        await server.until(invocation, "suspended")
    assert not await server.has_ended(invocation)
    await server.operate("cancel", invocation)
    first, _, second, last = await server.result(invocation)
    assert first["failed"][0] == second["failed"][0] == 409
    assert last == 1


async def test_results_that_were_there_first_count(server: Server) -> None:
    """What had arrived before the request is not taken back."""
    step = new("step")
    invocation = await server.start(run(step, 1), attempt(_LONG))
    await server.until(invocation, "suspended")
    await server.operate("cancel", invocation)
    [value, caught] = await server.result(invocation)
    assert (value, caught["failed"][0]) == (1, 409)


async def test_called_handlers_are_cancelled_too(server: Server) -> None:
    """Cancelling a caller cancels whom it waits for, and waits for that to end."""
    name, cleaned = new("child"), new("cleaned")
    child = [attempt(_LONG), note(cleaned)]
    invocation = await server.start(call_known(name, "Player", "play", child))
    [child_id] = await server.noted(f"child {name}")
    await server.until(child_id, "suspended")
    await server.until(invocation, "suspended")
    assert (await server.operate("cancel", invocation)).is_success
    assert (await server.attach(invocation)).status_code == 409
    await server.noted(cleaned)
    assert (await server.result(child_id))[0]["failed"][0] == 409


async def test_cancellation_goes_all_the_way_down(server: Server) -> None:
    """A grandchild is cancelled with its grandparent."""
    name, middle = new("child"), new("middle")
    grandchild = call_known(name, "Player", "play", [_LONG])
    invocation = await server.start(call_known(middle, "Player", "play", [grandchild]))
    [grandchild_id] = await server.noted(f"child {name}")
    await server.until(grandchild_id, "suspended")
    await server.until(invocation, "suspended")
    await server.operate("cancel", invocation)
    assert (await server.attach(invocation)).status_code == 409
    assert (await server.attach(grandchild_id)).status_code == 409


async def test_messages_are_not_cancelled(server: Server) -> None:
    """One-way messages live on when their sender is cancelled."""
    gate = new("gate")
    invocation = await server.start(send("Player", "play", [awakeable(gate)]), _LONG)
    token = await server.awakeable(gate)
    await server.until(invocation, "suspended")
    await server.operate("cancel", invocation)
    assert (await server.attach(invocation)).status_code == 409
    mark = new("mark")
    await server.resolve(token, mark)
    assert (await server.operate("cancel", invocation)).status_code in (200, 202, 409)


async def test_a_scheduled_invocation_never_starts(server: Server) -> None:
    """Cancelled before its time, an invocation does nothing at all."""
    mark = new("mark")
    answer = await server.post("/Player/play/send?delay=400ms", [note(mark)])
    invocation = answer.json()["invocationId"]
    await server.until(invocation, "scheduled")
    assert (await server.operate("cancel", invocation)).status_code == 200
    # Restate keeps no trace of what never ran; we keep its end.
    assert (await server.attach(invocation)).status_code == (404 if server.is_restate else 409)
    await server.play(sleep(500))
    assert server.notes(mark) == []


async def test_handlers_cancel(server: Server) -> None:
    """A handler cancels an invocation by its id."""
    invocation = await server.start(_LONG)
    await server.until(invocation, "suspended")
    await server.play(cancel(invocation))
    assert (await server.attach(invocation)).status_code == 409


async def test_a_handler_cancels_what_it_sent(server: Server) -> None:
    """A delayed message is called back by its sender."""
    mark = new("mark")
    [invocation] = await server.play(send("Player", "play", [note(mark)], delay_ms=400))
    await server.play(cancel(invocation), sleep(500))
    assert server.notes(mark) == []


async def test_who_is_backing_off_is_cancelled_at_once(server: Server) -> None:
    """A request to cancel does not wait for the next retry."""
    name = new("crash")
    invocation = await server.start(crash(name, 1), sleep(600_000), path="/Patient/play")
    await server.until(invocation, "backing-off")
    assert (await server.operate("cancel", invocation)).is_success
    if server.is_restate:
        # It leaves the invocation to its next retry, ten minutes from here; ours hears at once (protocol.md 6).
        await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409


async def test_a_paused_invocation_is_woken_to_hear_it(server: Server) -> None:
    """A paused invocation runs again to be cancelled."""
    name = new("crash")
    invocation = await server.start(crash(name, 2), sleep(600_000), path="/Stubborn/play")
    await server.until(invocation, "paused")
    assert (await server.operate("cancel", invocation)).is_success
    assert (await server.attach(invocation)).status_code == 409


async def test_a_running_attempt_hears_it_at_its_next_wait(server: Server) -> None:
    """A step under way is not interrupted; what comes after it is."""
    step = new("step")
    invocation = await server.start(run(step, 1, pause_ms=300), attempt(_LONG))
    await server.noted(f"ran {step}")
    assert (await server.operate("cancel", invocation)).is_success
    answer = await server.attach(invocation)
    # The step's own wait may be the one that hears it.
    assert answer.status_code == 409 or answer.json()[1]["failed"][0] == 409
    assert server.notes("ran ").count(step) == 1


async def test_an_ended_invocation_stays_as_it_is(server: Server) -> None:
    """Cancelling what has ended changes nothing."""
    invocation = await server.start(run("a", 1))
    await server.result(invocation)
    assert (await server.operate("cancel", invocation)).status_code == 409
    assert await server.result(invocation) == [1]


@pytest.mark.parametrize(("invocation", "status"), [(_UNKNOWN, 404), ("inv_nonsense", 400)])
async def test_what_does_not_exist_cannot_be_cancelled(server: Server, invocation: str, status: int) -> None:
    """An unknown id is a 404, what is no id a 400."""
    assert (await server.operate("cancel", invocation)).status_code == status


async def test_the_older_spelling(server: Server) -> None:
    """DELETE cancels, too."""
    invocation = await server.start(_LONG)
    await server.until(invocation, "suspended")
    assert (await server.admin.delete(f"/invocations/{invocation}?mode=cancel")).status_code == 202
    assert (await server.attach(invocation)).status_code == 409


async def test_who_waits_for_a_cancelled_one_hears_it(server: Server) -> None:
    """A caller whose callee is cancelled gets its 409, and may go on."""
    name = new("child")
    invocation = await server.start(attempt(call_known(name, "Player", "play", [_LONG])), pause(1), run("a", 1))
    [child] = await server.noted(f"child {name}")
    await server.until(child, "suspended")
    await server.operate("cancel", child)
    [caught, _, value] = await server.result(invocation)
    assert (caught["failed"][0], value) == (409, 1)
