"""Failed attempts: when they are tried again, what is counted, and what happens when no attempt is left."""

from __future__ import annotations

import itertools

import pytest

from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.records import Failure, Outcome, Status
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.manifest import Options, RetryPolicy
from holdfast_protocol.messages import MessageType, encode
from tests.support import wire_frames as f
from tests.support.engine_world import Attempt, EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

T = MessageType


def with_policy(**policy: object) -> EngineUnderTest:
    options = Options(retry_policy=RetryPolicy(**policy))  # type: ignore[arg-type]
    return EngineUnderTest(deployments=[deployment(services(S=options, O=options))])


@in_virtual_time
async def test_pauses_grow_up_to_their_cap() -> None:
    """The pauses between attempts double from the initial interval up to the longest."""
    async with with_policy(initial_interval_ms=1000, max_interval_ms=5000) as e:
        times: list[int] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            times.append(e.clock.now_ms())
            return [f.output(), f.END] if attempt.number == 6 else [f.error()]

        e.script["S/work"] = handler
        await e.call("S/work")
        pauses = [after - before for before, after in itertools.pairwise(times)]
        assert [round(pause, -2) for pause in pauses] == [1000, 2000, 4000, 5000, 5000]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_used_up_budget_pauses(most: int) -> None:
    """After the last attempt allowed, the first one counted, an invocation pauses; a resume allows all of them anew."""

    @in_virtual_time
    async def play() -> None:
        async with with_policy(max_attempts=most, initial_interval_ms=10) as e:
            e.script["S/work"] = answers([f.error(418, "teapot", stacktrace="where")])
            invocation_id = await e.send("S/work")
            await e.rest()
            head = await e.head(invocation_id)
            assert head.status is Status.PAUSED
            assert len(e.script.attempts) == most
            assert head.last_failure is not None
            assert (head.last_failure.code, head.last_failure.message) == (418, "teapot")
            assert head.last_failure.stacktrace == "where"
            await e.inner.resume(invocation_id, now_ms=e.clock.now_ms(), deployment_id=None)
            await e.wakeups.wake(invocation_id, not_before_ms=None)
            await e.rest()
            assert len(e.script.attempts) == 2 * most

    play()


@in_virtual_time
async def test_a_policy_of_no_attempts_allows_one() -> None:
    """Zero attempts is read as one."""
    async with with_policy(max_attempts=0) as e:
        e.script["S/work"] = answers([f.error()])
        invocation_id = await e.send("S/work")
        await e.rest()
        assert await e.status(invocation_id) is Status.PAUSED
        assert len(e.script.attempts) == 1


@in_virtual_time
async def test_a_used_up_budget_kills_where_the_policy_says_so() -> None:
    """With `kill` on exhaustion the last failure is the outcome, and whoever waits gets it."""
    async with with_policy(max_attempts=2, initial_interval_ms=10, on_max_attempts="kill") as e:
        e.script["S/work"] = answers([f.run(1), f.error(503, "down")])
        assert (await e.call("S/work")).outcome == Outcome(failure=Failure(code=503, message="down"))


@pytest.mark.parametrize("on_max_attempts", ["pause", "kill"])
def test_what_cannot_help_is_not_tried_again(on_max_attempts: str) -> None:
    """A failure for good uses up all attempts at once: the invocation is paused, or killed where the policy says so."""
    failure = AttemptFailure(code=413, message="6 MB and no more", rt_code="RT0019", is_counted=False, is_final=True)

    @in_virtual_time
    async def play() -> None:
        async with with_policy(on_max_attempts=on_max_attempts) as e:
            e.script["S/work"] = answers(Answer(frames=(), failure=failure))
            invocation_id = await e.send("S/work")
            await e.rest()
            head = await e.head(invocation_id)
            assert head.status is (Status.PAUSED if on_max_attempts == "pause" else Status.COMPLETED)
            told = head.last_failure if on_max_attempts == "pause" else (await e.outcome(invocation_id)).failure
            assert told is not None
            assert (told.code, told.message) == (413, "6 MB and no more")
            assert len(e.script.attempts) == 1

    play()


@in_virtual_time
async def test_a_killed_holder_releases_its_key() -> None:
    """An object's handler that used up its attempts and is killed leaves its key to the next."""
    async with with_policy(max_attempts=1, on_max_attempts="kill") as e:
        e.script["O/add"] = answers([f.set_state("n", b"1"), f.error()])
        e.script["O/other"] = answers([f.output(), f.END])
        await e.call("O/k/add")
        await e.call("O/k/other")
        assert e.script.attempts[-1].state == {"n": b"1"}


@in_virtual_time
async def test_the_default_policy_pauses_after_seventy_attempts() -> None:
    """Without options: half a second, doubled up to a minute, seventy attempts, then paused."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error()])
        invocation_id = await e.send("S/work")
        await e.rest(0.499)
        assert len(e.script.attempts) == 1
        await e.rest(2 * 3600)
        assert await e.status(invocation_id) is Status.PAUSED
        assert len(e.script.attempts) == 70


@in_virtual_time
async def test_the_handlers_own_delay_comes_first_and_costs_nothing() -> None:
    """A delay that the SDK chose is kept to, and does not use up the policy's attempts."""
    async with with_policy(max_attempts=2, initial_interval_ms=10) as e:
        times: list[int] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            times.append(e.clock.now_ms())
            return [f.output(), f.END] if attempt.number == 6 else [f.error(next_retry_delay=3000)]

        e.script["S/work"] = handler
        await e.call("S/work")
        pauses = [round(after - before, -2) for before, after in itertools.pairwise(times)]
        assert pauses == [3000] * 5


@in_virtual_time
async def test_a_delay_without_end_does_not_break_the_store() -> None:
    """The longest delay the wire can carry is cut to a year, and the invocation is there to be resumed."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error(next_retry_delay=2**64 - 1)], [f.output(), f.END])
        invocation_id = await e.send("S/work")
        await e.rest()
        assert await e.status(invocation_id) is Status.BACKING_OFF
        await e.inner.resume(invocation_id, now_ms=e.clock.now_ms(), deployment_id=None)
        await e.wakeups.wake(invocation_id, not_before_ms=None)
        await e.rest(1)
        assert await e.status(invocation_id) is Status.COMPLETED


@in_virtual_time
async def test_the_endpoints_retry_after_sets_the_next_pause_only() -> None:
    """A `retry-after` replaces the pause, and the attempt counts."""
    async with with_policy(max_attempts=3, initial_interval_ms=10) as e:
        limited = AttemptFailure(code=429, message="slow down", rt_code="RT0023", retry_after_ms=7000)
        e.script["S/work"] = answers(Answer(frames=[], failure=limited))
        invocation_id = await e.send("S/work")
        await e.rest(13)
        assert len(e.script.attempts) == 2
        await e.rest(2)
        assert len(e.script.attempts) == 3
        assert await e.status(invocation_id) is Status.PAUSED


@in_virtual_time
async def test_an_sdk_may_ask_for_a_pause() -> None:
    """An error with the pause behaviour pauses at once, whatever the policy has left."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.run(1), f.error(500, "look at me", behavior=f.PAUSE)])
        invocation_id = await e.send("S/work")
        await e.rest()
        head = await e.head(invocation_id)
        assert head.status is Status.PAUSED
        assert head.last_failure is not None
        assert head.last_failure.message == "look at me"
        assert await e.types(invocation_id) == [T.INPUT, T.RUN]


@in_virtual_time
async def test_an_sdk_may_ask_for_the_end() -> None:
    """An error with the fail behaviour ends the invocation with that error."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error(570, "mismatch", behavior=f.FAIL)])
        assert (await e.call("S/work")).outcome == Outcome(failure=Failure(code=570, message="mismatch"))


@pytest.mark.parametrize(("code", "rt_code"), [(570, "RT0016"), (571, "RT0012"), (500, "RT0007"), (599, "RT0007")])
def test_errors_are_named(code: int, rt_code: str) -> None:
    """A mismatch and a violation have names of their own, any other error of an SDK is a failed attempt."""

    @in_virtual_time
    async def play() -> None:
        async with EngineUnderTest() as e:
            related = {"related_command_index": 3, "related_command_name": "step", "related_command_type": 0x0411}
            e.script["S/work"] = answers([f.error(code, "m", **related)])
            invocation_id = await e.send("S/work")
            await e.rest(0.1)
            last = (await e.head(invocation_id)).last_failure
            assert last is not None
            assert last.rt_code == rt_code
            assert (last.command_index, last.command_name, last.command_type) == (3, "step", 0x0411)

    play()


@in_virtual_time
async def test_long_texts_are_cut() -> None:
    """Of a huge message its beginning is kept, of a huge stack trace its end."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.error(500, "a" + "x" * 100_000, stacktrace="x" * 100_000 + "z")])
        invocation_id = await e.send("S/work")
        await e.rest(0.1)
        last = (await e.head(invocation_id)).last_failure
        assert last is not None
        assert len(last.message) == len(last.stacktrace) == e.settings.failure_text_max
        assert last.message[0] == "a"
        assert last.stacktrace[-1] == "z"


def counts(e: EngineUnderTest) -> list[int]:
    return [attempt.request.start.retry_count_since_last_stored_entry for attempt in e.script.attempts]


@in_virtual_time
async def test_failures_are_counted_since_the_last_command() -> None:
    """The count that run retries go by grows with each failure and starts anew with a command, not with a result."""
    async with with_policy(initial_interval_ms=10) as e:
        e.script["S/work"] = answers(
            [f.run(1), f.error()],
            [f.error()],
            [f.error()],
            [f.proposal(1), f.error()],
            [f.run(2), f.error()],
            [f.error()],
            [f.output(), f.END],
        )
        await e.call("S/work")
        assert counts(e) == [0, 1, 2, 3, 4, 1, 2]


@in_virtual_time
async def test_a_resume_from_suspension_starts_the_count_anew() -> None:
    """Whoever was suspended in between starts with a clean count, whether the engine had to wait or not."""
    async with with_policy(initial_interval_ms=10, max_attempts=3) as e:
        e.script["S/work"] = answers(
            [f.run(1), f.error()],
            [f.error()],
            [f.proposal(1), f.suspension(1)],
            [f.error()],
            [f.error()],
            [f.sleep(2, e.clock.now_ms() + 5000), f.suspension(2)],
            [f.error()],
            [f.error()],
            [f.output(), f.END],
        )
        await e.call("S/work")
        assert counts(e) == [0, 1, 2, 0, 1, 2, 0, 1, 2]


@in_virtual_time
async def test_failures_that_never_reached_the_handler_do_not_count_for_its_steps() -> None:
    """An endpoint that is down uses up the policy's attempts and not those of a step."""
    async with with_policy(initial_interval_ms=10, max_attempts=4) as e:
        down = Answer(frames=[], failure=AttemptFailure(code=404, message="gone", rt_code="RT0010", is_counted=False))
        e.script["S/work"] = answers([f.run(1), f.error()], down, down, [f.output(), f.END])
        await e.call("S/work")
        assert counts(e) == [0, 1, 1, 1]


@pytest.mark.parametrize("steps", [1, 50])
@pytest.mark.parametrize("takes", [False, True])
def test_a_step_is_told_how_long_it_has_been_tried(steps: int, takes: bool) -> None:
    """The duration sent along is the time since the journal last changed, wherever in the journal that was."""

    @in_virtual_time
    async def play() -> None:
        async with with_policy(initial_interval_ms=60_000, max_interval_ms=60_000) as e:
            e.script.takes = takes

            async def handler(attempt: Attempt) -> list[bytes]:
                if attempt.number > 1:
                    return [f.error()] if attempt.number < 4 else [f.output(), f.END]
                await e.rest(600)
                frames = [frame for n in range(1, steps + 1) for frame in (f.run(n, "x" * 50), f.run_result(n))]
                if attempt.checkpoint is not None:
                    await attempt.checkpoint.append(frames)
                    return [f.run(1000), f.error()]
                proposals = [frame for n in range(1, steps + 1) for frame in (f.run(n, "x" * 50), f.proposal(n))]
                return [*proposals, f.run(1000), f.error()]

            e.script["S/work"] = handler
            await e.call("S/work")
            durations = [a.request.start.duration_since_last_stored_entry for a in e.script.attempts]
            assert [round(duration, -3) for duration in durations] == [0, 60_000, 120_000, 180_000]

    play()


@in_virtual_time
async def test_a_step_of_three_attempts_is_tried_three_times() -> None:
    """With the counts it is sent, an SDK tries a step as often and as late as its options say, then gives it up."""
    async with with_policy(max_attempts=2) as e:
        tries: list[int] = []

        async def handler(attempt: Attempt) -> list[bytes]:
            start, is_stored = attempt.request.start, T.RUN in attempt.types
            if attempt.notification(1) is not None:
                return [f.output(), f.END]
            # What the SDKs do: a step that is stored goes on from the server's counts, a new one begins at nothing.
            count = 1 + (start.retry_count_since_last_stored_entry if is_stored else 0)
            tries.append(e.clock.now_ms())
            command = [] if is_stored else [f.run(1)]
            if count < 3:
                related = {"related_command_index": 1, "related_command_type": int(T.RUN)}
                return [*command, f.error(500, "flaky", next_retry_delay=100 * 2 ** (count - 1), **related)]
            failed = pb.ProposeRunCompletion(result_completion_id=1, failure=f.failure(500, "flaky"))
            return [*command, encode(failed), f.suspension(1)]

        e.script["S/work"] = handler
        finished = await e.call("S/work")
        assert [at_ms - tries[0] for at_ms in tries] == [0, 100, 300]
        assert finished.outcome.value == b"ok"
        result = e.script.attempts[-1].notification(1)
        assert result is not None
        assert result.failure.message == "flaky"
