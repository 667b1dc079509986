"""Cancellation: signal 1 is noticed in its turn, goes on to every callee, and is raised where the handler waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, InvocationCancelled, RunOptions, TerminalError, select
from holdfast_protocol import schema_pb2 as pb
from tests.support.journals import Journal

_HOUR = timedelta(hours=1)


async def _waits(ctx: Context) -> str:
    first, second = ctx.generic_call("S", "a", b""), ctx.generic_call("S", "b", b"")
    try:
        await select(first=first, second=second)
    except InvocationCancelled as error:
        await ctx.sleep(_HOUR)
        return f"{error.message} {error.status_code}"
    return "not cancelled"


def _journal() -> Journal:
    return Journal(_waits)


async def test_every_callee_gets_the_signal_before_the_handler_does() -> None:
    """One SendSignal per call, in the order of the calls, precedes what the handler does about it."""
    journal = _journal()
    await journal.attempt()
    journal.callee(1, "inv_a")
    journal.callee(3, "inv_b")
    journal.cancel()
    attempted = await journal.attempt()
    signals = [(m.target_invocation_id, m.idx) for m in attempted.messages if isinstance(m, pb.SendSignalCommand)]
    assert signals == [("inv_a", 1), ("inv_b", 1)]
    assert attempted.kinds[2:] == ["SleepCommand", "Suspension"]
    journal.sleep_over(5)
    assert (await journal.attempt()).output == b'"cancelled 409"'


@pytest.mark.parametrize("known", [[], [1], [3]])
async def test_an_unknown_callee_is_awaited_alone(known: list[int]) -> None:
    """Where a callee's id is not there yet the attempt suspends for that id, without the cancel signal."""
    journal = _journal()
    await journal.attempt()
    for completion_id in known:
        journal.callee(completion_id, f"inv_{completion_id}")
    journal.cancel()
    attempted = await journal.attempt()
    assert attempted.kinds == ["Suspension"]
    assert isinstance(attempted.terminator, pb.Suspension)
    awaiting = attempted.terminator.awaiting_on
    assert list(awaiting.waiting_completions) == [3 if known == [1] else 1]
    assert list(awaiting.waiting_signals) == []
    assert awaiting.combinator_type == pb.Future.FIRST_COMPLETED


async def test_ids_behind_the_signal_are_found() -> None:
    """Ids of callees that enter the journal after the signal do as well."""
    journal = _journal()
    await journal.attempt()
    journal.cancel()
    journal.callee(1, "inv_a")
    journal.callee(3, "inv_b")
    assert (await journal.attempt()).kinds == ["SendSignalCommand", "SendSignalCommand", "SleepCommand", "Suspension"]


async def test_a_result_before_the_signal_wins() -> None:
    """What entered the journal before the signal settles the await."""
    journal = _journal()
    await journal.attempt()
    journal.value(4, b"")
    journal.cancel()
    assert (await journal.attempt()).output == b'"not cancelled"'


async def test_each_signal_cancels_once() -> None:
    """A handler that catches the error can go on; a second signal is raised at a later await."""

    async def handler(ctx: Context) -> int:
        cancelled = 0
        for _ in range(3):
            try:
                await ctx.sleep(_HOUR)
            except InvocationCancelled:
                cancelled += 1
        return cancelled

    journal = Journal(handler)
    await journal.attempt()
    journal.cancel()
    journal.cancel()
    assert (await journal.attempt()).kinds == ["SleepCommand", "SleepCommand", "Suspension"]
    journal.sleep_over(3)
    assert (await journal.attempt()).output == b"2"


async def test_the_future_that_was_awaited_may_be_awaited_again() -> None:
    """A cancellation belongs to the await, not to the future."""

    async def handler(ctx: Context) -> str:
        call = ctx.generic_call("S", "a", b"")
        try:
            await call
        except InvocationCancelled:
            return (await call).decode()
        return "not cancelled"

    journal = Journal(handler)
    await journal.attempt()
    journal.callee(1, "inv_a")
    journal.cancel()
    assert (await journal.attempt()).kinds == ["SendSignalCommand", "Suspension"]
    journal.value(2, b"after all")
    assert (await journal.attempt()).output == b'"after all"'


async def test_sends_outlive_their_sender() -> None:
    """A message that was sent is not cancelled with its sender."""

    async def handler(ctx: Context) -> None:
        ctx.generic_send("S", "a", b"")
        await ctx.sleep(_HOUR)

    journal = Journal(handler)
    await journal.attempt()
    journal.callee(1, "inv_a")
    journal.cancel()
    attempted = await journal.attempt()
    assert attempted.kinds == ["OutputCommand", "End"]
    assert isinstance(attempted.output, pb.Failure)
    assert (attempted.output.code, attempted.output.message) == (409, "cancelled")


async def test_a_cancelled_step_is_not_started() -> None:
    """A signal that is in the journal before a step executes keeps it from executing."""
    executed: list[Any] = []

    async def handler(ctx: Context) -> str:
        try:
            await ctx.run_typed("step", executed.append, RunOptions(), 1)
        except TerminalError:
            return "cancelled"
        return "executed"

    journal = Journal(handler)
    journal.cancel()
    assert (await journal.live()).output == b'"cancelled"'
    assert executed == []


async def test_calls_are_cancelled_once() -> None:
    """The second cancellation does not signal the callees of the first again."""

    async def handler(ctx: Context) -> str:
        call = ctx.generic_call("S", "a", b"")
        for _ in range(2):
            try:
                await call
            except InvocationCancelled:
                continue
        return "cancelled twice"

    journal = Journal(handler)
    await journal.attempt()
    journal.callee(1, "inv_a")
    journal.cancel()
    journal.cancel()
    assert (await journal.attempt()).kinds == ["SendSignalCommand", "OutputCommand", "End"]


async def test_a_handler_may_cancel_another_invocation() -> None:
    """`ctx.cancel_invocation` sends signal 1, and so do the handles of calls and sends."""

    async def handler(ctx: Context) -> None:
        ctx.cancel_invocation("inv_z")
        await ctx.generic_call("S", "a", b"").cancel_invocation()

    journal = Journal(handler)
    await journal.attempt()
    journal.callee(1, "inv_a")
    await journal.attempt()
    signals = [(m.target_invocation_id, m.idx) for m in journal.commands() if isinstance(m, pb.SendSignalCommand)]
    assert signals == [("inv_z", 1), ("inv_a", 1)]
