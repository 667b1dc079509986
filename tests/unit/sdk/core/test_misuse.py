"""Misuse: what no replay could repeat is refused, with what to write instead."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, UsageError, gather, select
from tests.support.journals import Journal

_HOUR = timedelta(hours=1)


async def _two() -> int:
    return 2


@pytest.mark.parametrize(
    "combine",
    [
        pytest.param(lambda futures: asyncio.gather(*futures), id="gather"),
        pytest.param(lambda futures: asyncio.wait_for(futures[0], 1), id="wait_for"),
        pytest.param(lambda futures: asyncio.shield(futures[0]), id="shield"),
        pytest.param(lambda futures: asyncio.ensure_future(futures[0]), id="ensure_future"),
    ],
)
async def test_asyncio_cannot_combine_durable_futures(combine: Any) -> None:
    """The combinators of asyncio raise a UsageError that names ours, whether or not the futures are completed."""

    async def handler(ctx: Context) -> None:
        futures = [ctx.run_typed("a", _two), ctx.run_typed("b", _two)]
        await gather(*futures)
        await combine(futures)

    error = (await Journal(handler).live()).error
    assert error.message.startswith("UsageError(")
    assert "holdfast.gather" in error.message


async def test_two_tasks_cannot_wait_at_once() -> None:
    """A second task that waits while the first does is refused; one after the other is fine."""

    async def one(ctx: Context, name: str) -> int:
        return await ctx.run_typed(name, _two)

    async def at_once(ctx: Context) -> None:
        await asyncio.gather(one(ctx, "a"), one(ctx, "b"))

    async def in_turn(ctx: Context) -> int:
        return await asyncio.create_task(one(ctx, "a")) + await asyncio.create_task(one(ctx, "b"))

    assert "at the same time" in (await Journal(at_once).live()).error.message
    assert (await Journal(in_turn).live()).output == b"4"


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda ctx: ctx.sleep(_HOUR), id="sleep"),
        pytest.param(lambda ctx: ctx.generic_send("S", "h", b""), id="send"),
        pytest.param(lambda ctx: ctx.run_typed("inner", _two), id="run"),
        pytest.param(lambda ctx: ctx.uuid(), id="uuid"),
        pytest.param(lambda ctx: ctx.awakeable(), id="awakeable"),
    ],
)
@pytest.mark.parametrize("is_async", [True, False])
async def test_the_context_cannot_be_used_inside_of_a_step(use: Any, is_async: bool) -> None:
    """A step that uses the context fails, is named, and leaves no command behind."""

    async def handler(ctx: Context) -> None:
        async def async_step() -> None:
            use(ctx)

        def sync_step() -> None:
            use(ctx)

        await ctx.run_typed("outer", async_step if is_async else sync_step)

    attempted = await Journal(handler).live()
    assert attempted.kinds == ["RunCommand", "Error"]
    assert "inside the step 'outer'" in attempted.error.message


async def test_a_future_cannot_be_awaited_inside_of_a_step() -> None:
    """A step that awaits a durable future of its handler fails."""

    async def handler(ctx: Context) -> None:
        sleep = ctx.sleep(_HOUR)

        async def step() -> None:
            await sleep

        await ctx.run_typed("outer", step)

    assert "inside the step 'outer'" in (await Journal(handler).live()).error.message


async def test_a_step_cut_off_by_asyncios_timeout_can_be_awaited_again() -> None:
    """A handler that uses asyncio's timeout does not hang on the step that it has cut off."""
    executed = []

    async def step() -> str:
        executed.append("step")
        await asyncio.sleep(0.05 if len(executed) == 1 else 0)
        return "done"

    async def handler(ctx: Context) -> str:
        future = ctx.run_typed("step", step)
        try:
            async with asyncio.timeout(0.01):
                await future
        except TimeoutError:
            return await future
        return "in time"

    async with asyncio.timeout(5):
        assert (await Journal(handler).live()).output == b'"done"'
    assert executed == ["step", "step"]


async def test_only_durable_futures_of_one_invocation_can_be_combined() -> None:
    """Coroutines, and futures of another context, are refused."""
    foreign: list[Any] = []

    async def other(ctx: Context) -> None:
        foreign.append(ctx.sleep(_HOUR))

    async def handler(ctx: Context) -> None:
        coroutine = asyncio.sleep(0)
        with pytest.raises(UsageError, match="not a durable future"):
            gather(coroutine)  # type: ignore[arg-type]  # what is tested
        coroutine.close()
        with pytest.raises(UsageError, match="different invocations"):
            select(mine=ctx.sleep(_HOUR), other=foreign[0])

    await Journal(other).attempt()
    assert (await Journal(handler).attempt()).kinds == ["SleepCommand", "OutputCommand", "End"]


async def test_a_context_is_useless_after_its_attempt() -> None:
    """A task that outlives its handler cannot act any more, and changes nothing."""
    errors: list[BaseException] = []

    async def late(ctx: Context) -> None:
        await asyncio.sleep(0.01)
        try:
            ctx.generic_send("S", "h", b"")
        except BaseException as error:  # noqa: BLE001 - what is tested
            errors.append(error)

    tasks = []

    async def handler(ctx: Context) -> None:
        tasks.append(asyncio.create_task(late(ctx)))

    assert (await Journal(handler).live()).kinds == ["OutputCommand", "End"]
    await asyncio.wait(tasks)
    assert "can do nothing more" in str(errors[0])
