"""Steps: executed until they succeed, recorded once, given up as their options say."""

from __future__ import annotations

import time

import pytest

from tests.conformance.blackbox.programs import all_of, attempt, awakeable, crash, run, sleep
from tests.conformance.blackbox.server import Server, failure_of, new


@pytest.mark.parametrize("value", [None, 0, "text", {"a": [1, None]}, []], ids=repr)
async def test_a_step_gives_its_value(server: Server, value: object) -> None:
    """What a step returns is what its handler gets, in the first attempt and in every replay."""
    assert await server.play(run(new("step"), value), sleep(1), run(new("step"), value)) == [value, None, value]


async def test_a_step_is_executed_once(server: Server) -> None:
    """Suspensions, failures and later steps do not execute a recorded step again."""
    steps = [new("step") for _ in range(4)]
    program = [run(steps[0], 0), sleep(5), run(steps[1], 1), crash(new("crash"), 2), run(steps[2], 2), run(steps[3], 3)]
    assert await server.play(*program) == [0, None, 1, None, 2, 3]
    assert [server.notes("ran ").count(step) for step in steps] == [1, 1, 1, 1]


async def test_a_failing_step_is_tried_again(server: Server) -> None:
    """A step that fails is executed again until it succeeds; those before it are not."""
    before, step = new("before"), new("step")
    assert await server.play(run(before, 1), run(step, 2, fails=3)) == [1, 2]
    assert server.notes("ran ").count(before) == 1
    assert server.notes("ran ").count(step) == 4


async def test_attempts_run_out(server: Server) -> None:
    """After the last attempt the step's failure is the handler's to deal with."""
    step = new("step")
    [result, after] = await server.play(attempt(run(step, fails=99, max_attempts=3, interval_ms=10)), run("a", 1))
    assert result["failed"][0] == 500
    assert f"{step} failed the 3. time" in result["failed"][1]
    assert after == 1
    assert server.notes("ran ").count(step) == 3


async def test_one_attempt_is_no_retry(server: Server) -> None:
    """A step with a single attempt fails at once."""
    step = new("step")
    [result] = await server.play(attempt(run(step, fails=99, max_attempts=1, interval_ms=10)))
    assert result["failed"][0] == 500
    assert server.notes("ran ").count(step) == 1


async def test_the_last_attempt_may_succeed(server: Server) -> None:
    """A step that succeeds in its last attempt has succeeded."""
    step = new("step")
    assert await server.play(run(step, 1, fails=2, max_attempts=3, interval_ms=10)) == [1]


async def test_time_runs_out(server: Server) -> None:
    """A step with a bound on its duration is given up when that is over."""
    step = new("step")
    began = time.monotonic()
    [result] = await server.play(attempt(run(step, fails=999, max_duration_ms=300, interval_ms=100)))
    assert result["failed"][0] == 500
    assert time.monotonic() - began >= 0.3
    assert 2 <= server.notes("ran ").count(step) <= 6


async def test_the_interval_is_kept(server: Server) -> None:
    """The pause between two executions of a step is at least its interval."""
    step = new("step")
    began = time.monotonic()
    await server.play(run(step, fails=2, max_attempts=5, interval_ms=200))
    assert time.monotonic() - began >= 0.4


async def test_a_terminal_failure_of_a_step_is_final(server: Server) -> None:
    """A step that fails for good is not tried again, and its failure is recorded as its result."""
    step = new("step")
    answer = await server.post("/Player/play", [run(step, terminal="card stolen")])
    assert failure_of(answer) == (418, "card stolen")
    [result, _, again] = await server.play(attempt(run(new("step"), terminal="no")), sleep(1), run("a", 1))
    assert (result, again) == ({"failed": [418, "no"]}, 1)
    assert server.notes("ran ").count(step) == 1


async def test_counters_start_anew_with_each_step(server: Server) -> None:
    """The attempts of one step do not count for the next."""
    steps = [run(new("step"), number, fails=2, max_attempts=3, interval_ms=10) for number in range(3)]
    assert await server.play(*steps) == [0, 1, 2]


async def test_a_caught_step_leaves_the_counters_alone(server: Server) -> None:
    """After a step that was given up the next one has all its attempts."""
    given_up = attempt(run(new("step"), fails=99, max_attempts=2, interval_ms=10))
    [_, value] = await server.play(given_up, run(new("step"), 5, fails=2, max_attempts=3, interval_ms=10))
    assert value == 5


async def test_steps_side_by_side(server: Server) -> None:
    """Steps awaited together are executed together, each recorded with its own result."""
    steps = [new("step") for _ in range(5)]
    began = time.monotonic()
    [results] = await server.play(all_of(*(run(step, n, pause_ms=200) for n, step in enumerate(steps))))
    assert results == [["ok", n] for n in range(5)]
    assert time.monotonic() - began < 5 * 0.2
    assert [server.notes("ran ").count(step) for step in steps] == [1] * 5


async def test_steps_side_by_side_fail_each_for_itself(server: Server) -> None:
    """One step's failure for good does not take the others with it."""
    steps = [run(new("step"), 1), run(new("step"), terminal="no"), run(new("step"), 3)]
    assert await server.play(all_of(*steps)) == [[["ok", 1], ["failed", 418, "no"], ["ok", 3]]]


async def test_a_step_beside_a_wait(server: Server) -> None:
    """A step awaited with an awakeable is executed though the awakeable is not there yet."""
    name, step = new("wait"), new("step")
    invocation = await server.start(all_of(awakeable(name), run(step, 1)))
    await server.noted(f"ran {step}")
    await server.resolve(await server.awakeable(name), 2)
    assert await server.result(invocation) == [[["ok", 2], ["ok", 1]]]


async def test_many_steps(server: Server) -> None:
    """Fifty steps one after the other keep their results and their order."""
    prefix = new("step")
    assert await server.play(*(run(f"{prefix} {number}", number) for number in range(50))) == list(range(50))
    assert server.notes(f"ran {prefix}") == [str(number) for number in range(50)]


async def test_equal_names_are_different_steps(server: Server) -> None:
    """A step's name is for people: two of the same name are two steps."""
    name = new("step")
    assert await server.play(run(name, 1), run(name, 2), sleep(1), run(name, 3)) == [1, 2, None, 3]
    assert server.notes("ran ").count(name) == 3
