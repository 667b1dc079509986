"""Retries: what becomes of a step that throws, by its own policy and by the server's two counters."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, RetryableError, RunOptions, gather
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType, encode
from tests.support.journals import Journal

_RUN = encode(pb.RunCommand(result_completion_id=1, name="x"))


def _journal(
    error: BaseException, *, is_stored: bool = True, tries: int = 0, for_ms: int = 0, **policy: Any
) -> Journal:
    async def step() -> None:
        raise error

    async def handler(ctx: Context) -> None:
        await ctx.run_typed("x", step, RunOptions(**policy))

    start = {"retry_count_since_last_stored_entry": tries, "duration_since_last_stored_entry": for_ms}
    journal = Journal(handler, start=start)
    if is_stored:
        journal.entries.append(_RUN)
    return journal


_POLICY: dict[str, Any] = {"max_attempts": 3, "initial_retry_interval": timedelta(milliseconds=100)}


@pytest.mark.parametrize(
    ("is_stored", "tries", "policy", "delay_ms"),
    [
        (False, 2, _POLICY, 100),
        (True, 0, _POLICY, 100),
        (True, 1, _POLICY, 200),
        (True, 1, {}, None),
        (True, 1, {"max_duration": timedelta(hours=1)}, 100),
        (True, 1, {"initial_retry_interval": timedelta(milliseconds=10)}, 20),
        (True, 3, {"retry_interval_factor": 3.0}, 1350),
        (True, 3, _POLICY | {"max_attempts": 9, "max_retry_interval": timedelta(milliseconds=150)}, 150),
        (True, 5000, {"retry_interval_factor": 10.0}, 10_000),
    ],
)
async def test_a_step_is_tried_again_by_its_policy(
    is_stored: bool, tries: int, policy: dict[str, Any], delay_ms: int | None
) -> None:
    """The delay grows with the tries that the server has counted for this very step."""
    error = (await _journal(ValueError("boom"), is_stored=is_stored, tries=tries, **policy).attempt()).error
    assert (error.next_retry_delay if error.HasField("next_retry_delay") else None) == delay_ms
    assert (error.code, error.message) == (500, "ValueError('boom')")
    assert "Traceback" in error.stacktrace
    related = (error.related_command_index, error.related_command_name, error.related_command_type)
    assert related == (1, "x", MessageType.RUN)


@pytest.mark.parametrize(
    ("tries", "for_ms", "policy"),
    [
        (2, 0, _POLICY),
        (0, 0, {"max_attempts": 1}),
        (1, 500, {"max_duration": timedelta(milliseconds=100)}),
        (1, 500, {"max_retry_duration": timedelta(milliseconds=100)}),
    ],
)
async def test_a_step_whose_policy_is_used_up_fails_for_good(tries: int, for_ms: int, policy: dict[str, Any]) -> None:
    """The last error becomes the step's result: a failure with its message."""
    attempted = await _journal(ValueError("boom"), tries=tries, for_ms=for_ms, **policy).attempt()
    proposal = attempted.messages[0]
    assert isinstance(proposal, pb.ProposeRunCompletion)
    assert (proposal.failure.code, proposal.failure.message) == (500, "ValueError('boom')")


async def test_the_carried_duration_counts_only_with_carried_tries() -> None:
    """Without a failed try before this attempt, the time since the last entry says nothing about the step."""
    journal = _journal(ValueError("boom"), for_ms=500, max_duration=timedelta(milliseconds=100))
    assert (await journal.attempt()).error.next_retry_delay == 50


async def test_a_new_command_resets_the_count() -> None:
    """The server's counters belong to the last stored command; a step behind a new command starts from one."""

    async def step() -> None:
        raise ValueError("boom")

    async def handler(ctx: Context) -> None:
        first = ctx.run_typed("x", step, RunOptions(**_POLICY))
        ctx.run_typed("y", step)
        await first

    journal = Journal(handler, start={"retry_count_since_last_stored_entry": 1})
    journal.entries.append(_RUN)
    assert (await journal.attempt()).error.next_retry_delay == 100


@pytest.mark.parametrize(
    ("retry_after", "policy", "delay_ms"),
    [(None, {}, None), (timedelta(seconds=1), {}, 1000), (timedelta(seconds=1), {"max_attempts": 3}, 1000)],
)
async def test_a_retryable_error_chooses_the_delay(
    retry_after: timedelta | None, policy: dict[str, Any], delay_ms: int | None
) -> None:
    """A RetryableError in a step keeps its status code and overrides the delay of the next try."""
    journal = _journal(RetryableError("slow down", 429, retry_after), tries=1, **policy)
    error = (await journal.attempt()).error
    assert (error.code, error.message) == (429, "slow down")
    assert (error.next_retry_delay if error.HasField("next_retry_delay") else None) == delay_ms


async def test_a_retryable_error_respects_the_steps_policy() -> None:
    """A step that keeps raising RetryableError fails for good when its attempts are used up."""
    journal = _journal(RetryableError("slow down", 429, timedelta(seconds=1)), tries=1, max_attempts=2)
    proposal = (await journal.attempt()).messages[0]
    assert isinstance(proposal, pb.ProposeRunCompletion)
    assert (proposal.failure.code, proposal.failure.message) == (429, "slow down")


async def test_a_failing_step_does_not_lose_the_results_of_others() -> None:
    """With checkpoints, an attempt that ends because a step failed first waits for the steps that still execute."""
    executed = []

    async def fails() -> None:
        raise ValueError("boom")

    async def slow() -> str:
        await asyncio.sleep(0.02)
        executed.append("slow")
        return "slow"

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("fails", fails), ctx.run_typed("slow", slow))

    journal = Journal(handler)
    attempted = await journal.live()
    assert attempted.kinds == ["RunCommand", "RunCommand", "ProposeRunCompletion", "Error"]
    assert attempted.error.related_command_name == "fails"
    await journal.live()
    assert executed == ["slow"]


async def test_without_checkpoints_a_failing_step_ends_the_attempt_at_once() -> None:
    """The official SDKs do not wait for other steps when one fails, and neither does the classic mode."""

    async def fails() -> None:
        raise ValueError("boom")

    async def slow() -> None:
        await asyncio.sleep(30)

    async def handler(ctx: Context) -> None:
        await gather(ctx.run_typed("fails", fails), ctx.run_typed("slow", slow))

    assert (await Journal(handler).attempt()).kinds == ["RunCommand", "RunCommand", "Error"]


async def test_a_step_may_throw_anything() -> None:
    """An exception that is no Exception fails its step like any other, alone or among others."""

    class Strange(BaseException):
        pass

    async def strange() -> None:
        raise Strange

    async def alone(ctx: Context) -> None:
        await ctx.run_typed("strange", strange)

    async def together(ctx: Context) -> None:
        await gather(ctx.run_typed("strange", strange), ctx.run_typed("b", strange))

    for handler in (alone, together):
        assert (await Journal(handler).live()).error.message == "Strange()"
