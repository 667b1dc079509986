"""Timeouts: `or_timeout` on every future, durable, never early, and also for steps that execute."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import time
from typing import Any

import pytest

from holdfast import Context, InvocationTimedOut, RunOptions, TerminalError, gather, select
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType
from tests.support.journals import FakeCheckpoint, Journal

_HOUR = timedelta(hours=1)
_SOON = timedelta(milliseconds=30)


async def _asks(ctx: Context) -> str:
    try:
        return (await ctx.generic_call("S", "h", b"").or_timeout(_HOUR)).decode()
    except TimeoutError as error:
        assert isinstance(error, InvocationTimedOut)
        return f"{error.message} ({error.status_code})"


async def test_what_comes_in_time_is_the_result() -> None:
    """The timeout is a sleep beside the future, and the first of the two decides."""
    journal = Journal(_asks)
    attempted = await journal.attempt()
    assert attempted.kinds == ["CallCommand", "SleepCommand", "Suspension"]
    assert isinstance(attempted.terminator, pb.Suspension)
    awaiting = attempted.terminator.awaiting_on.nested_futures[0]
    assert (list(awaiting.waiting_completions), awaiting.combinator_type) == ([2, 3], pb.Future.FIRST_COMPLETED)
    journal.value(2, b"in time")
    journal.sleep_over(3)
    assert (await journal.attempt()).output == b'"in time"'


async def test_a_timeout_is_a_terminal_error_and_a_timeout_error() -> None:
    """What comes too late does not count: the sleep was over first."""
    journal = Journal(_asks)
    await journal.attempt()
    journal.sleep_over(3)
    journal.value(2, b"too late")
    assert (await journal.attempt()).output == b'"timed out after 3600 seconds (408)"'


async def test_an_uncaught_timeout_ends_the_invocation() -> None:
    """A handler that lets the timeout pass fails with 408."""

    async def handler(ctx: Context) -> None:
        await ctx.signal("go").or_timeout(_HOUR)

    journal = Journal(handler)
    await journal.attempt()
    journal.sleep_over(1)
    output = (await journal.attempt()).output
    assert isinstance(output, pb.Failure)
    assert output.code == 408


@pytest.mark.parametrize("combined", ["gather", "select", "nested"])
async def test_combinators_time_out_as_well(combined: str) -> None:
    """A gather, a select and a timed future can have a timeout, and be parts of others."""

    async def handler(ctx: Context) -> str:
        first, second = ctx.signal("a"), ctx.signal("b")
        futures: dict[str, Any] = {
            "gather": lambda: gather(first, second).or_timeout(_HOUR),
            "select": lambda: select(first=first, second=second).or_timeout(_HOUR),
            "nested": lambda: gather(first, second.or_timeout(_HOUR)).or_timeout(_HOUR * 2),
        }
        try:
            await futures[combined]()
        except TimeoutError:
            return "timed out"
        return "came"

    journal = Journal(handler)
    await journal.attempt()
    journal.sleep_over(2 if combined == "nested" else 1)
    assert (await journal.attempt()).output == b'"timed out"'


async def test_a_step_that_executes_times_out() -> None:
    """With checkpoints the end of the sleep is recorded by the attempt itself, while the closure executes."""

    async def slow() -> str:
        await asyncio.sleep(30)
        return "slow"

    async def handler(ctx: Context) -> str:
        try:
            return await ctx.run_typed("slow", slow).or_timeout(_SOON)
        except TimeoutError:
            return "timed out"

    journal = Journal(handler)
    checkpoint = FakeCheckpoint()
    assert (await journal.attempt(checkpoint)).output == b'"timed out"'
    types = [frame_type(raw) for raw in journal.entries[1:]]
    assert types == [MessageType.RUN, MessageType.SLEEP, MessageType.SLEEP_COMPLETION, MessageType.OUTPUT]
    journal.entries.pop()
    assert (await journal.attempt()).output == b'"timed out"'


async def test_a_step_in_time_is_not_timed_out() -> None:
    """A step that finishes before its timeout gives its value, and the sleep is left alone."""

    async def fast() -> str:
        return "fast"

    async def handler(ctx: Context) -> str:
        return await ctx.run_typed("fast", fast).or_timeout(_HOUR)

    assert (await Journal(handler).live()).output == b'"fast"'


async def test_no_sleep_ends_early() -> None:
    """A sleep's end is not recorded before its wake-up time."""
    ended_at = []

    async def slow() -> None:
        await asyncio.sleep(30)

    async def handler(ctx: Context) -> None:
        await select(slow=ctx.run_typed("slow", slow), sleep=ctx.sleep(_SOON))
        ended_at.append(time() * 1000)

    journal = Journal(handler)
    await journal.live()
    sleep = next(command for command in journal.commands() if isinstance(command, pb.SleepCommand))
    assert ended_at[0] >= sleep.wake_up_time


async def test_sleeps_do_not_end_unless_a_step_keeps_the_attempt_busy() -> None:
    """Waiting for a sleep alone suspends, however short it is: nobody pays for a process that sleeps."""

    async def handler(ctx: Context) -> None:
        await ctx.sleep(timedelta(0))

    assert (await Journal(handler).live()).kinds == ["SleepCommand", "Suspension"]


async def test_without_checkpoints_only_the_server_ends_sleeps() -> None:
    """In the classic mode an attempt waits for its step and suspends; the server's order decides."""

    async def brief() -> str:
        await asyncio.sleep(0.05)
        return "brief"

    async def handler(ctx: Context) -> str:
        return await ctx.run_typed("brief", brief).or_timeout(timedelta(milliseconds=1))

    journal = Journal(handler)
    assert (await journal.attempt()).kinds == ["RunCommand", "SleepCommand", "ProposeRunCompletion", "Suspension"]
    assert (await journal.attempt()).output == b'"brief"'


async def test_the_loser_of_a_timeout_may_be_awaited_later() -> None:
    """After its timeout a step still executes, and its result is there when it is awaited again."""

    async def slow() -> str:
        await asyncio.sleep(0.06)
        return "slow"

    async def handler(ctx: Context) -> str:
        step = ctx.run_typed("slow", slow)
        try:
            await step.or_timeout(_SOON)
        except TimeoutError:
            return f"timed out, then {await step}"
        return "in time"

    journal = Journal(handler)
    assert (await journal.live()).output == b'"timed out, then slow"'
    journal.entries.pop()
    assert (await journal.attempt()).output == b'"timed out, then slow"'


async def test_a_loser_that_fails_does_not_fail_the_attempt() -> None:
    """A step that nobody awaits any more may throw: the handler goes on."""

    async def fails() -> None:
        await asyncio.sleep(0.06)
        raise ValueError("boom")

    async def other() -> str:
        await asyncio.sleep(0.08)
        return "other"

    async def handler(ctx: Context) -> str:
        try:
            await ctx.run_typed("fails", fails, RunOptions()).or_timeout(_SOON)
        except TerminalError:
            return await ctx.run_typed("other", other)
        return "in time"

    assert (await Journal(handler).live()).output == b'"other"'
