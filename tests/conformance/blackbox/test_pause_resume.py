"""Pausing and resuming: an invocation is stopped where it is, keeps what it has, and goes on when it is told to."""

from __future__ import annotations

import pytest

from tests.conformance.blackbox.programs import (
    attempt,
    awakeable,
    call_known,
    crash,
    first_of,
    get,
    note,
    put,
    run,
    sleep,
)
from tests.conformance.blackbox.server import Server, eventually, new

_LONG = sleep(600_000)
_UNKNOWN = "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"
_ACCEPTED = (200, 202)


async def test_a_running_attempt_is_stopped(server: Server) -> None:
    """A paused invocation executes nothing more until it is resumed, and then it ends as if nothing had happened."""
    step, later = new("step"), new("later")
    invocation = await server.start(run(step, 1, pause_ms=500), run(later, 2))
    await server.noted(f"ran {step}")
    assert (await server.operate("pause", invocation)).status_code == 202
    await server.until(invocation, "paused")
    await server.play(sleep(600))
    assert server.notes("ran ").count(later) == 0
    assert not await server.has_ended(invocation)
    assert (await server.operate("resume", invocation)).status_code == 200
    assert await server.result(invocation) == [1, 2]
    # The step that was under way came to its end, and counts.
    assert server.notes("ran ").count(step) == 1
    assert server.notes("ran ").count(later) == 1


async def test_a_suspended_invocation_is_not_woken(server: Server) -> None:
    """What a paused invocation waits for comes, and is there when it is resumed."""
    name = new("wait")
    invocation = await server.start(awakeable(name), run("a", 1))
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    assert (await server.operate("pause", invocation)).status_code in _ACCEPTED
    if server.is_restate:
        # It says yes to this and leaves the invocation suspended, so what it waits for still wakes it.
        await server.resolve(token, 7)
    else:
        await server.until(invocation, "paused")
        await server.resolve(token, 7)
        await server.play(sleep(300))
        assert await server.status(invocation) == "paused"
        await server.operate("resume", invocation)
    assert await server.result(invocation) == [7, 1]


async def test_what_comes_meanwhile_is_kept(server: Server) -> None:
    """An awakeable that is resolved while its invocation is paused counts, and wakes nobody."""
    name, step = new("wait"), new("crash")
    program = [first_of(awakeable(name), sleep(20)), crash(step, 2), run("done", 1)]
    invocation = await server.start(*program, path="/Stubborn/play")
    await server.until(invocation, "paused")
    await server.resolve(await server.awakeable(name), 7)
    await server.play(sleep(300))
    assert await server.status(invocation) == "paused"
    await server.operate("resume", invocation)
    assert await server.result(invocation) == [[1, None], None, 1]


async def test_who_is_backing_off_gets_no_further_attempt(server: Server) -> None:
    """Between two attempts a pause holds back the next one; a resume makes it at once."""
    name = new("crash")
    invocation = await server.start(crash(name, 4), run("a", 1))
    await server.noted(f"crashed {name}")
    assert (await server.operate("pause", invocation)).status_code in _ACCEPTED
    await server.until(invocation, "paused")
    crashes = len(server.notes(f"crashed {name}"))
    await server.play(sleep(300))
    assert len(server.notes(f"crashed {name}")) == crashes
    await server.operate("resume", invocation)
    assert await server.result(invocation) == [None, 1]


async def test_a_resume_does_not_wait_for_the_next_retry(server: Server) -> None:
    """Resuming what backs off for ten minutes tries it now."""
    name = new("crash")
    invocation = await server.start(crash(name, 1), run("a", 1), path="/Patient/play")
    await server.until(invocation, "backing-off")
    assert (await server.operate("resume", invocation)).status_code == 200
    assert await server.result(invocation) == [None, 1]


async def test_a_resume_brings_all_attempts_anew(server: Server) -> None:
    """An invocation that used up its two attempts has two again, time after time."""
    name = new("crash")
    invocation = await server.start(run("a", 1), crash(name, 5), path="/Stubborn/play")
    for crashes in (2, 4):
        await server.until(invocation, "paused")
        assert len(server.notes(f"crashed {name}")) == crashes
        await server.operate("resume", invocation)
        await server.noted(f"crashed {name}", times=crashes + 1)
    assert await server.result(invocation) == [1, None]


async def test_a_paused_invocation_keeps_its_key(server: Server) -> None:
    """Others of a key wait while its holder is paused, and see what it wrote when it has ended."""
    key, name = new("key"), new("crash")
    path = f"/StubbornActor/{key}/play"
    holder = await server.start(put("a", 1), crash(name, 2), put("a", 2), path=path)
    await server.until(holder, "paused")
    waiter = await server.start(get("a"), path=path)
    await server.play(sleep(200))
    assert await server.status(waiter) == "pending"
    await server.operate("resume", holder)
    assert await server.result(waiter) == [2]


async def test_a_caller_waits_for_a_paused_callee(server: Server) -> None:
    """Whoever called what is paused gets its result when it was resumed."""
    name, step = new("child"), new("crash")
    invocation = await server.start(call_known(name, "Stubborn", "play", [crash(step, 2), run("a", 1)]))
    [child] = await server.noted(f"child {name}")
    await server.until(child, "paused")
    await server.until(invocation, "suspended")
    await server.operate("resume", child)
    assert await server.result(invocation) == [[None, 1]]


async def test_twice_is_once(server: Server) -> None:
    """Pausing what is paused changes nothing, and says that all is well."""
    invocation = await server.start(crash(new("crash"), 2), path="/Stubborn/play")
    await server.until(invocation, "paused")
    assert (await server.operate("pause", invocation)).status_code == 200
    assert await server.status(invocation) == "paused"
    await server.operate("resume", invocation)
    assert await server.result(invocation) == [None]


async def test_what_goes_on_by_itself_may_be_resumed(server: Server) -> None:
    """Resuming what runs or is suspended changes nothing about what it does."""
    step, name = new("step"), new("wait")
    invocation = await server.start(run(step, 1, pause_ms=300), awakeable(name))
    await server.noted(f"ran {step}")
    assert (await server.operate("resume", invocation)).status_code == 200
    token = await server.awakeable(name)
    await server.until(invocation, "suspended")
    assert (await server.operate("resume", invocation)).status_code == 200
    await server.resolve(token, 2)
    assert await server.result(invocation) == [1, 2]
    assert server.notes("ran ").count(step) == 1


async def test_what_has_not_begun_cannot_be_paused(server: Server) -> None:
    """What waits for its time or its key can neither be paused, nor resumed yet."""
    key, name = new("key"), new("wait")
    holder = await server.start(awakeable(name), path=f"/Actor/{key}/play")
    token = await server.awakeable(name)
    queued = await server.start(run("a", 1), path=f"/Actor/{key}/play")
    scheduled = await server.send("/Player/play?delay=10m", [])
    for invocation, status in ((queued, "pending"), (scheduled, "scheduled")):
        await server.until(invocation, status)
        assert (await server.operate("pause", invocation)).status_code == 409
        assert (await server.operate("resume", invocation)).status_code == 425
        assert await server.status(invocation) == status
    await server.resolve(token, 0)
    assert await server.result(holder) == [0]
    assert await server.result(queued) == [1]
    await server.operate("cancel", scheduled)


async def test_what_has_ended_cannot_be_paused(server: Server) -> None:
    """A completed invocation can neither be paused nor resumed, and stays as it is."""
    invocation = await server.start(run("a", 1))
    assert await server.result(invocation) == [1]
    for verb in ("pause", "resume"):
        answer = await server.operate(verb, invocation)
        assert answer.status_code == 409
        assert answer.json()["message"]
    assert await server.result(invocation) == [1]


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize(("invocation", "status"), [(_UNKNOWN, 404), ("inv_nonsense", 400)])
async def test_what_does_not_exist(server: Server, verb: str, invocation: str, status: int) -> None:
    """An unknown id is a 404, what is no id a 400."""
    assert (await server.operate(verb, invocation)).status_code == status


async def test_a_deployment_that_is_none(server: Server) -> None:
    """A deployment is named by one of two words or by its id."""
    invocation = await server.start(crash(new("crash"), 2), path="/Stubborn/play")
    await server.until(invocation, "paused")
    assert (await server.operate("resume", invocation, deployment="nonsense")).status_code == 400
    assert (await server.operate("resume", invocation, deployment="keep")).status_code == 200
    assert await server.result(invocation) == [None]


async def test_many_at_once(server: Server) -> None:
    """A batch pauses or resumes whom it can, and says why it could not the others."""
    ended = await server.start(run("a", 1))
    await server.result(ended)
    names = [new("crash") for _ in range(3)]
    waiting = [await server.start(crash(name, 1), run("a", 1), path="/Patient/play") for name in names]
    for invocation in waiting:
        await server.until(invocation, "backing-off")
    answer = await server.operate_all("pause", [*waiting, ended, _UNKNOWN])
    assert sorted(answer["succeeded"]) == sorted(waiting)
    assert sorted(each["invocation_id"] for each in answer["failed"]) == sorted([ended, _UNKNOWN])
    assert all(each["error"] for each in answer["failed"])
    for invocation in waiting:
        await server.until(invocation, "paused")
    answer = await server.operate_all("resume", waiting, deployment="latest")
    assert sorted(answer["succeeded"]) == sorted(waiting)
    assert [await server.result(invocation) for invocation in waiting] == [[None, 1]] * 3


async def test_a_code_that_was_mended(server: Server) -> None:
    """Paused in one version, an invocation goes on in the latest one, with the steps that it has behind it."""
    mark = new("mark")
    first = await server.arena.register(server.arena.version("1"), force=True)
    invocation = await server.send("/Versioned/changed", mark)
    await server.noted(f"failed {mark}", times=2)
    await server.arena.register(server.arena.version("2"), force=True)
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    failures = len(server.notes(f"failed {mark}"))
    assert (await server.operate("resume", invocation, deployment="keep")).status_code == 200
    await server.noted(f"failed {mark}", times=failures + 1)
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    assert (await server.operate("resume", invocation, deployment="dp_10000000000000000000001")).status_code == 400
    assert (await server.operate("resume", invocation, deployment=first)).status_code == 200
    await server.noted(f"failed {mark}", times=failures + 2)
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    assert (await server.operate("resume", invocation, deployment="latest")).status_code == 200
    assert await server.result(invocation) == ["1", "2"]


async def test_a_deployment_by_its_id(server: Server) -> None:
    """A paused invocation goes on with the deployment that is named, though it is not the latest."""
    mark = new("mark")
    await server.arena.register(server.arena.version("1"), force=True)
    invocation = await server.send("/Versioned/changed", mark)
    await server.noted(f"failed {mark}")
    second = await server.arena.register(server.arena.version("2"), force=True)
    await server.arena.register(server.arena.version("1"), force=True)
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    assert (await server.operate("resume", invocation, deployment=second)).status_code == 200
    assert await server.result(invocation) == ["1", "2"]


async def test_a_deployment_for_what_has_done_nothing(server: Server) -> None:
    """What has stored nothing yet is bound to no deployment, so none can be named; it is served by the latest one."""
    mark = new("mark")
    first = await server.arena.register(server.arena.version("1"), force=True)
    invocation = await server.send("/Versioned/early", mark)
    await server.noted(f"failed {mark}")
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    assert (await server.operate("resume", invocation, deployment=first)).status_code == 409
    await server.arena.register(server.arena.version("2"), force=True)
    assert (await server.operate("resume", invocation, deployment="latest")).status_code == 200
    assert await server.result(invocation) == "2"


async def test_a_code_that_asks_something_else(server: Server) -> None:
    """Moved to a version that begins differently, an invocation fails on every attempt, and is not lost."""
    mark = new("mark")
    first = await server.arena.register(server.arena.version("1"), force=True)
    invocation = await server.send("/Versioned/rewritten", mark)
    await server.noted(f"failed {mark}")
    await server.arena.register(server.arena.version("2"), force=True)
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    await server.operate("resume", invocation, deployment="latest")
    await server.until(invocation, "backing-off", "running")
    await server.play(sleep(200))
    assert server.notes(f"went on {mark}") == []
    await server.operate("pause", invocation)
    await server.until(invocation, "paused")
    failures = len(server.notes(f"failed {mark}"))
    await server.operate("resume", invocation, deployment=first)
    await server.noted(f"failed {mark}", times=failures + 1)
    await server.operate("kill", invocation)
    assert (await server.attach(invocation)).status_code == 409


async def test_a_cancelled_one_may_still_be_paused(server: Server) -> None:
    """A handler that cleans up after a request to cancel can be paused there, and goes on cleaning up."""
    name = new("crash")
    invocation = await server.start(attempt(_LONG), note(name), crash(name, 2), run("a", 1), path="/Stubborn/play")
    await server.until(invocation, "suspended")
    await server.operate("cancel", invocation)
    await server.until(invocation, "paused")
    await server.operate("resume", invocation)

    async def has_ended() -> bool:
        return await server.has_ended(invocation)

    assert await eventually(has_ended)
    [caught, *rest] = await server.result(invocation)
    assert (caught["failed"][0], rest) == (409, [None, None, 1])
