"""Sagas: compensations run in reverse, as steps, when a terminal error leaves the block."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, RunOptions, TerminalError
from holdfast_protocol import schema_pb2 as pb
from tests.support.journals import Journal


class World:
    """Records what was done to it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: dict[str, list[BaseException]] = {}

    def step(self, name: str) -> Any:
        async def action(*args: str) -> str:
            self.log.append(" ".join([name, *args]))
            if self.failures.get(name):
                raise self.failures[name].pop(0)
            return f"{name}-result"

        return action


async def _run_out(journal: Journal, *, live: bool = True) -> Any:
    for _ in range(20):
        attempted = await (journal.live() if live else journal.attempt())
        if isinstance(attempted.terminator, pb.End):
            return attempted.output
    raise AssertionError("did not end")


def _travel(world: World) -> Any:
    async def handler(ctx: Context) -> str:
        async with ctx.saga() as saga:
            await saga.run("flight", world.step("book"), "LX38", compensate=world.step("cancel"))
            car = await ctx.run_typed("car", world.step("rent"))
            saga.compensate("return car", world.step("return"), car)
            await saga.run("pay", world.step("pay"), compensate=world.step("refund"))
        return "booked"

    return handler


@pytest.mark.parametrize("live", [True, False])
async def test_a_saga_that_succeeds_compensates_nothing(live: bool) -> None:
    """Without a terminal error the block is a block."""
    world = World()
    assert await _run_out(Journal(_travel(world)), live=live) == b'"booked"'
    assert world.log == ["book LX38", "rent", "pay"]


@pytest.mark.parametrize("live", [True, False])
async def test_a_terminal_error_undoes_everything_in_reverse(live: bool) -> None:
    """Compensations run last first, each once, with their arguments; then the error goes on."""
    world = World()
    world.failures["pay"] = [TerminalError("declined", 402, {"why": "limit"})]
    journal = Journal(_travel(world))
    output = await _run_out(journal, live=live)
    assert world.log == ["book LX38", "rent", "pay", "refund", "return rent-result", "cancel LX38"]
    assert (output.code, output.message, output.metadata[0].key) == (402, "declined", "why")
    names = [command.name for command in journal.commands() if isinstance(command, pb.RunCommand)]
    assert names == ["flight", "car", "pay", "compensate pay", "return car", "compensate flight"]


async def test_a_retryable_error_undoes_nothing() -> None:
    """Any other exception means another attempt, and the saga goes on where it was."""
    world = World()
    world.failures["pay"] = [ValueError("network")]
    assert await _run_out(Journal(_travel(world))) == b'"booked"'
    assert world.log == ["book LX38", "rent", "pay", "pay"]


async def test_a_compensation_is_tried_again_like_any_step() -> None:
    """A compensation that throws is retried; those done before it are not repeated."""
    world = World()
    world.failures["pay"] = [TerminalError("declined")]
    world.failures["return"] = [ValueError("network")]
    await _run_out(Journal(_travel(world)))
    assert world.log[3:] == ["refund", "return rent-result", "return rent-result", "cancel LX38"]


async def test_a_compensation_that_fails_for_good_is_named() -> None:
    """The others run all the same, and the error that goes on says which did not succeed."""
    world = World()
    world.failures["pay"] = [TerminalError("declined", 402)]
    world.failures["refund"] = [TerminalError("closed account")]
    output = await _run_out(Journal(_travel(world)))
    assert world.log[3:] == ["refund", "return rent-result", "cancel LX38"]
    assert (output.code, output.message) == (402, "declined (not compensated: compensate pay: closed account)")


async def test_a_cancelled_saga_is_undone() -> None:
    """A cancellation is a terminal error; another one during the compensations does not stop them."""
    world = World()

    async def handler(ctx: Context) -> None:
        async with ctx.saga() as saga:
            await saga.run("flight", world.step("book"), compensate=world.step("cancel"))
            await saga.run("car", world.step("rent"), compensate=world.step("return"))
            await ctx.sleep(timedelta(hours=1))

    journal = Journal(handler)
    await journal.live()
    journal.cancel()
    journal.cancel()
    output = await _run_out(journal)
    assert world.log == ["book", "rent", "return", "cancel"]
    assert (output.code, output.message) == (409, "cancelled")


async def test_sagas_nest() -> None:
    """An inner saga undoes its own steps before the outer one undoes its."""
    world = World()
    world.failures["c"] = [TerminalError("no")]

    async def handler(ctx: Context) -> None:
        async with ctx.saga() as outer:
            await outer.run("a", world.step("a"), compensate=world.step("undo a"))
            async with ctx.saga() as inner:
                await inner.run("b", world.step("b"), compensate=world.step("undo b"))
                await inner.run("c", world.step("c"))

    await _run_out(Journal(handler))
    assert world.log == ["a", "b", "c", "undo b", "undo a"]


async def test_a_step_with_options_uses_them() -> None:
    """A step's retry policy decides when its failure becomes terminal and the saga is undone."""
    world = World()
    world.failures["a"] = [ValueError("network")]

    async def handler(ctx: Context) -> None:
        async with ctx.saga() as saga:
            options = RunOptions[Any](max_attempts=1)
            await saga.run("a", world.step("a"), compensate=world.step("undo a"), options=options)

    output = await _run_out(Journal(handler))
    assert world.log == ["a", "undo a"]
    assert output.message == "ValueError('network')"


async def test_asyncio_cancellation_undoes_nothing() -> None:
    """An engine that cancels the attempt's task has not cancelled the invocation."""
    world = World()
    waiting = asyncio.Event()

    async def waits() -> None:
        waiting.set()
        await asyncio.sleep(30)

    async def handler(ctx: Context) -> None:
        async with ctx.saga() as saga:
            await saga.run("a", world.step("a"), compensate=world.step("undo a"))
            await saga.run("b", waits)

    task = asyncio.create_task(Journal(handler).live())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.log == ["a"]
