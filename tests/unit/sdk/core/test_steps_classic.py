"""Steps without checkpoints: an attempt suspends after every set of steps it awaits, as the official SDKs do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast import Context, RunOptions, TerminalError, gather, select
from holdfast_protocol import schema_pb2 as pb
from tests.support.journals import Journal


async def _zero() -> int:
    return 0


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (5, ["0411000000000006580162027330", "00050000000000050801720130", "00010000000000060a0101120101"]),
        (6, ["0411000000000006580162027330", "00050000000000050801720130", "00010000000000060a0101120101"]),
        (7, ["0411000000000006580162027330", "00058000000000050801720130", "000100000000000a22080a01011201012801"]),
    ],
)
async def test_golden_bytes_of_one_awaited_step(version: int, expected: list[str]) -> None:
    """An awaited step is answered by the bytes that the official SDKs answer in each protocol version."""

    async def handler(ctx: Context) -> int:
        return await ctx.run_typed("s0", _zero)

    attempted = await Journal(handler, version=version).attempt()
    assert [raw.hex() for raw in attempted.frames] == expected


async def test_sequential_steps_cost_an_attempt_each() -> None:
    """Two steps awaited one after the other take three attempts, and each executes once."""
    executed: list[Any] = []

    async def step(name: str) -> str:
        executed.append(name)
        return name

    async def handler(ctx: Context) -> str:
        first = await ctx.run_typed("first", step, RunOptions(), "a")
        return first + await ctx.run_typed("second", step, RunOptions(), "b")

    journal = Journal(handler)
    kinds = [(await journal.attempt()).kinds for _ in range(2)]
    assert kinds == [["RunCommand", "ProposeRunCompletion", "Suspension"]] * 2
    assert (await journal.attempt()).output == b'"ab"'
    assert executed == ["a", "b"]


async def test_gathered_steps_cost_one_attempt_together() -> None:
    """Steps awaited together all execute in the attempt that creates them, and are proposed as they finish."""

    async def step(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    async def handler(ctx: Context) -> list[float]:
        steps = [ctx.run_typed(f"s{delay}", step, RunOptions(), delay) for delay in (0.02, 0.0, 0.01)]
        return [await future for future in await gather(*steps)]

    journal = Journal(handler)
    attempted = await journal.attempt()
    assert attempted.kinds == ["RunCommand"] * 3 + ["ProposeRunCompletion"] * 3 + ["Suspension"]
    proposals = [message for message in attempted.messages if isinstance(message, pb.ProposeRunCompletion)]
    assert [proposal.result_completion_id for proposal in proposals] == [2, 3, 1]
    assert (await journal.attempt()).output == b"[0.02, 0.0, 0.01]"


async def test_a_race_of_steps_waits_for_all_of_them() -> None:
    """All steps of a race execute in one attempt, and the first one proposed wins in the next."""

    async def step(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    async def handler(ctx: Context) -> str:
        name, _ = await select(
            slow=ctx.run_typed("slow", step, RunOptions(), 0.03), fast=ctx.run_typed("fast", step, RunOptions(), 0.0)
        )
        return str(name)

    journal = Journal(handler)
    assert (await journal.attempt()).kinds == ["RunCommand"] * 2 + ["ProposeRunCompletion"] * 2 + ["Suspension"]
    assert (await journal.attempt()).output == b'"fast"'


async def test_a_step_that_nobody_awaits_is_not_executed() -> None:
    """A step that is created and never awaited leaves its command in the journal and nothing else."""
    executed: list[Any] = []

    async def handler(ctx: Context) -> str:
        ctx.run_typed("unused", executed.append, RunOptions(), 1)
        return "done"

    assert (await Journal(handler).attempt()).kinds == ["RunCommand", "OutputCommand", "End"]
    assert executed == []


async def test_a_terminal_error_is_a_steps_result() -> None:
    """A TerminalError in a step is proposed as its failure, with metadata, and raised in the handler."""

    async def step() -> None:
        raise TerminalError("declined", status_code=402, metadata={"reason": "limit"})

    async def handler(ctx: Context) -> str:
        try:
            await ctx.run_typed("charge", step)
        except TerminalError as error:
            return f"{error.message} {error.status_code} {error.metadata}"
        return "unreachable"

    journal = Journal(handler)
    assert (await journal.attempt()).kinds == ["RunCommand", "ProposeRunCompletion", "Suspension"]
    assert (await journal.attempt()).output == b"\"declined 402 {'reason': 'limit'}\""


async def test_failures_lose_their_metadata_before_version_6() -> None:
    """A failure in protocol version 5 carries no metadata, which that version does not know."""

    async def handler(ctx: Context) -> None:
        raise TerminalError("no", status_code=409, metadata={"a": "b"})

    output = (await Journal(handler, version=5).attempt()).output
    assert isinstance(output, pb.Failure)
    assert (output.code, list(output.metadata)) == (409, [])
    output = (await Journal(handler, version=6).attempt()).output
    assert isinstance(output, pb.Failure)
    assert [(entry.key, entry.value) for entry in output.metadata] == [("a", "b")]


async def test_results_are_read_back_by_their_type() -> None:
    """What the handler gets is what the journal holds, in the first attempt as in a replay."""

    async def step() -> tuple[int, int]:
        return (1, 2)

    def untyped():  # type: ignore[no-untyped-def]  # what is tested: nothing says what it returns
        return (1, 2)

    async def handler(ctx: Context) -> list[str]:
        return [type(await ctx.run_typed("typed", step)).__name__, type(await ctx.run_typed("plain", untyped)).__name__]

    journal = Journal(handler)
    await journal.attempt()
    await journal.attempt()
    assert (await journal.attempt()).output == b'["tuple", "list"]'
    assert (await Journal(handler).live()).output == b'["tuple", "list"]'


async def test_the_older_spelling_takes_its_options_as_arguments() -> None:
    """`ctx.run` takes the arguments, the type and the retry options of a step by keyword."""

    def step(a: int, b: int) -> int:
        return a + b

    async def handler(ctx: Context) -> int:
        return await ctx.run("add", step, type_hint=int, max_attempts=1, args=(1, 2))

    assert (await Journal(handler).live()).output == b"3"
