"""Steps with checkpoints: results are used at once, and each is durable before the next step starts."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta
from typing import Any, cast

import pytest

from holdfast import Context, ObjectContext, RunOptions, TerminalError, as_completed, gather, select
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType, decode
from tests.support.journals import FakeCheckpoint, Journal


def _types(frames: list[bytes]) -> list[str]:
    return [MessageType(frame_type(raw)).name for raw in frames]


async def test_sequential_steps_take_one_attempt() -> None:
    """Each result but the last is appended before the next closure starts; the last one travels with the output."""
    checkpoint = FakeCheckpoint()

    async def step(number: int) -> int:
        checkpoint.log.append(f"step {number}")
        return number

    async def handler(ctx: Context) -> int:
        return sum([await ctx.run_typed("step", step, RunOptions(), number) for number in range(3)])

    journal = Journal(handler)
    frames = await journal.endpoint.run(journal.request(), checkpoint)
    assert checkpoint.log == ["barrier", "step 0", "append", "step 1", "append", "step 2"]
    assert [_types(append) for append in checkpoint.appends] == [
        ["RUN", "RUN_COMPLETION", "RUN"],
        ["RUN_COMPLETION", "RUN"],
    ]
    assert _types(frames) == ["PROPOSE_RUN_COMPLETION", "OUTPUT", "END"]


async def test_the_journal_is_the_one_that_a_classic_attempt_reads() -> None:
    """A journal written with checkpoints replays without them, and executes nothing."""
    executed: list[Any] = []

    async def handler(ctx: Context) -> int:
        return sum([await ctx.run_typed("step", _step, RunOptions(), executed, number) for number in range(4)])

    journal = Journal(handler)
    assert (await journal.live()).output == b"6"
    journal.entries.pop()  # the output
    assert (await journal.attempt()).output == b"6"
    assert executed == [0, 1, 2, 3]


async def _step(executed: list[int], number: int) -> int:
    executed.append(number)
    return number


async def test_calls_and_messages_do_not_wait_for_the_step_behind_them() -> None:
    """What others wait for is appended before a closure starts; state and steps alone are not worth a write."""
    checkpoint = FakeCheckpoint()

    async def step() -> None:
        checkpoint.log.append("step")

    async def sends(ctx: Context) -> None:
        ctx.generic_send("S", "h", b"")
        await ctx.run_typed("step", step)

    async def writes(ctx: ObjectContext) -> None:
        ctx.set("k", 1)
        await ctx.run_typed("step", step)

    await Journal(sends).attempt(checkpoint)
    assert checkpoint.log == ["barrier", "append", "step"]
    checkpoint.log.clear()
    await Journal(writes, kind="object", key="k").attempt(checkpoint)
    assert checkpoint.log == ["barrier", "step"]


async def test_gathered_steps_start_together_and_share_what_they_write() -> None:
    """Ten gathered steps overlap, need no append, and travel with the output."""
    running = 0
    most = 0

    async def step() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async def handler(ctx: Context) -> None:
        await gather(*[ctx.run_typed(f"s{number}", step) for number in range(10)])

    checkpoint = FakeCheckpoint()
    attempted = await Journal(handler).attempt(checkpoint)
    assert most == 10
    assert checkpoint.log == ["barrier"]
    assert attempted.kinds == ["RunCommand"] * 10 + ["ProposeRunCompletion"] * 10 + ["OutputCommand", "End"]


async def test_a_result_that_nothing_follows_is_flushed_soon() -> None:
    """While one gathered step goes on, the result of another becomes durable in the background."""
    flushed = asyncio.Event()

    class Checkpoint(FakeCheckpoint):
        async def append(self, frames) -> bool:  # type: ignore[no-untyped-def]  # as in the class it extends
            done = await super().append(frames)
            flushed.set()
            return done

    async def long() -> str:
        await flushed.wait()
        return "long"

    async def short() -> str:
        return "short"

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("long", long), ctx.run_typed("short", short))

    checkpoint = Checkpoint()
    journal = Journal(handler)
    frames = await journal.endpoint.run(journal.request(), checkpoint)
    assert [_types(append) for append in checkpoint.appends] == [["RUN", "RUN", "RUN_COMPLETION"]]
    assert _types(frames) == ["PROPOSE_RUN_COMPLETION", "OUTPUT", "END"]


async def test_no_append_is_under_way_when_the_answer_is_returned() -> None:
    """An attempt that ends during a background flush waits for it."""
    checkpoint = FakeCheckpoint(delay_s=0.02)

    async def short() -> None: ...

    async def long() -> None:
        while not checkpoint.under_way:
            await asyncio.sleep(0.001)

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("long", long), ctx.run_typed("short", short))

    journal = Journal(handler)
    await journal.endpoint.run(journal.request(), checkpoint)
    assert checkpoint.under_way == 0
    assert checkpoint.log == ["barrier", "append"]


@pytest.mark.parametrize("fenced_after", [0, 1])
async def test_a_fenced_attempt_runs_nothing_more(fenced_after: int) -> None:
    """After a refused append no closure starts, and what the handler does then changes nothing."""
    executed: list[int] = []

    async def handler(ctx: Context) -> str:
        try:
            for number in range(4):
                await ctx.run_typed("step", _step, RunOptions(), executed, number)
        except BaseException:  # noqa: BLE001 - what is tested
            return "swallowed"
        return "done"

    checkpoint = FakeCheckpoint(fenced_after=fenced_after)
    attempted = await Journal(handler).attempt(checkpoint)
    assert executed == list(range(fenced_after + 1))
    assert "newer attempt" in attempted.error.message


async def test_a_fenced_barrier_keeps_the_first_closure_from_starting() -> None:
    """If what the attempt was given is not durable any more, not even its first step executes."""
    executed: list[int] = []

    async def handler(ctx: Context) -> None:
        await ctx.run_typed("step", _step, RunOptions(), executed, 1)

    await Journal(handler).attempt(FakeCheckpoint(is_fenced_at_barrier=True))
    assert executed == []


async def test_a_fenced_background_flush_stops_the_steps_that_execute() -> None:
    """A closure that executes while the attempt is fenced is cancelled, not waited for."""
    cancelled = []

    async def long() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.append("long")
            raise

    async def short() -> None: ...

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("long", long), ctx.run_typed("short", short))

    attempted = await Journal(handler).attempt(FakeCheckpoint(fenced_after=0))
    assert "newer attempt" in attempted.error.message
    assert cancelled == ["long"]


async def test_a_failed_attempt_that_is_fenced_stops_waiting_for_its_steps() -> None:
    """A handler that threw waits for the steps that execute, until a newer attempt has taken over."""

    async def long() -> None:
        await asyncio.sleep(30)

    async def short() -> str:
        return "short"

    async def handler(ctx: Context) -> None:
        await select(long=ctx.run_typed("long", long), short=ctx.run_typed("short", short))
        raise ValueError("boom")

    async with asyncio.timeout(5):
        attempted = await Journal(handler).attempt(FakeCheckpoint(fenced_after=0))
    assert attempted.error.message == "ValueError('boom')"


async def test_an_error_of_the_checkpoint_is_raised_to_the_engine() -> None:
    """What the checkpoint raises reaches whoever gave it, and not the handler."""
    seen: list[BaseException] = []

    async def handler(ctx: Context) -> None:
        try:
            for number in range(3):
                await ctx.run_typed("step", _step, RunOptions(), [], number)
        except Exception as error:
            seen.append(error)
            raise

    with pytest.raises(OSError, match="disk full"):
        await Journal(handler).attempt(FakeCheckpoint(error_after=0))
    assert seen == []


async def test_an_attempt_that_suspends_waits_for_steps_that_execute() -> None:
    """The loser of a race is not lost by suspending: its result is proposed before the suspension."""

    async def slow() -> str:
        await asyncio.sleep(0.02)
        return "slow"

    async def fast() -> str:
        return "fast"

    async def handler(ctx: Context) -> str:
        race = {"slow": ctx.run_typed("slow", slow), "fast": ctx.run_typed("fast", fast)}
        name, _ = await select(**race)
        await ctx.sleep(timedelta(hours=1))
        return name + await race["slow"]

    journal = Journal(handler)
    checkpoint = FakeCheckpoint()
    attempted = await journal.attempt(checkpoint)
    assert isinstance(attempted.terminator, pb.Suspension)
    results = [
        cast("pb.Notification", decode(raw)).completion_id
        for raw in journal.entries
        if frame_type(raw) == MessageType.RUN_COMPLETION
    ]
    assert results == [2, 1]
    journal.sleep_over(3)
    assert (await journal.live()).output == b'"fastslow"'


async def test_an_invocation_that_ends_does_not_wait_for_losers() -> None:
    """When the handler returns, closures that still execute are cancelled."""
    cancelled = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    async def fast() -> str:
        return "fast"

    async def handler(ctx: Context) -> str:
        name, _ = await select(slow=ctx.run_typed("slow", slow), fast=ctx.run_typed("fast", fast))
        return str(name)

    assert (await Journal(handler).live()).output == b'"fast"'
    assert cancelled.is_set()


async def test_as_completed_yields_in_the_order_of_the_journal() -> None:
    """Steps come out as they finish, and a replay repeats that order."""

    async def step(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    async def handler(ctx: Context) -> list[float]:
        steps = [ctx.run_typed("step", step, RunOptions(), delay) for delay in (0.03, 0.0, 0.015)]
        return [await future async for future in as_completed(*steps)]

    journal = Journal(handler)
    assert (await journal.live()).output == b"[0.0, 0.015, 0.03]"
    journal.entries.pop()
    assert (await journal.attempt()).output == b"[0.0, 0.015, 0.03]"


async def test_sync_closures_execute_in_a_thread_with_the_handlers_context() -> None:
    """A sync closure does not block the loop and sees the handler's context variables."""
    variable = contextvars.ContextVar("variable", default="unset")

    def blocking() -> list[str]:
        return [variable.get(), str(threading.current_thread() is threading.main_thread())]

    async def handler(ctx: Context) -> list[str]:
        variable.set("set")
        return await ctx.run_typed("blocking", blocking)

    assert (await Journal(handler).live()).output == b'["set", "False"]'
    assert variable.get() == "unset"


async def test_what_a_closure_sets_does_not_reach_the_handler() -> None:
    """A context variable set by a step would be missing in a replay, so the handler never sees it."""
    variable = contextvars.ContextVar("variable", default="unset")

    async def step() -> None:
        variable.set("set by the step")

    async def handler(ctx: Context) -> str:
        await ctx.run_typed("step", step)
        return variable.get()

    assert (await Journal(handler).live()).output == b'"unset"'


async def test_a_lambda_around_an_async_function_is_awaited() -> None:
    """`lambda: fetch(x)` is a step that executes fetch, though the lambda itself is not async."""

    async def fetch(number: int) -> int:
        return number

    async def handler(ctx: Context) -> int:
        return await ctx.run_typed("fetch", lambda: fetch(7))

    assert (await Journal(handler).live()).output == b"7"


async def test_a_step_that_raises_stop_iteration_fails_like_any_other() -> None:
    """A StopIteration from a thread is a failed step, not a hang."""

    def step() -> object:
        return next(iter(()))

    async def handler(ctx: Context) -> None:
        await ctx.run_typed("next", step)

    assert "StopIteration" in (await Journal(handler).live()).error.message


async def test_a_step_that_cancels_itself_is_retried() -> None:
    """A CancelledError that a library raises inside a step is a failure of that step."""

    async def step() -> None:
        raise asyncio.CancelledError("from the library")

    async def handler(ctx: Context) -> None:
        await ctx.run_typed("cancels", step)

    error = (await Journal(handler).live()).error
    assert (error.related_command_name, error.code) == ("cancels", 500)


async def test_cancelling_the_attempt_cancels_the_step_and_goes_on_outwards() -> None:
    """An engine that cancels the task of an attempt gets its CancelledError, and the closure is stopped."""
    started = asyncio.Event()
    stopped = []

    async def step() -> None:
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append("step")

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("step", step), ctx.run_typed("other", step))

    task = asyncio.create_task(Journal(handler).live())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert stopped == ["step", "step"]


async def test_a_terminal_failure_of_a_step_is_durable_like_a_value() -> None:
    """A step's TerminalError is recorded before the next step starts, and raised again in a replay."""

    async def fails() -> None:
        raise TerminalError("no", status_code=400)

    async def works() -> str:
        return "plan b"

    async def handler(ctx: Context) -> str:
        try:
            await ctx.run_typed("a", fails)
        except TerminalError as error:
            return f"{error.status_code} {await ctx.run_typed('b', works)}"
        return "unreachable"

    journal = Journal(handler)
    assert (await journal.live()).output == b'"400 plan b"'
    journal.entries.pop()
    assert (await journal.attempt()).output == b'"400 plan b"'
