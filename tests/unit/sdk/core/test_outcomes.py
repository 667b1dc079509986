"""Outcomes: what leaves a handler, and what it becomes on the wire."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from holdfast import Context, RetryableError, Suspended, TerminalError, current_context
from holdfast._context import is_replaying
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType
from tests.support.journals import Journal

_HOUR = timedelta(hours=1)


class _Strange(BaseException):
    """An exception that is no Exception, and none of ours."""


def _raises(error: BaseException, cause: BaseException | None = None) -> Any:
    async def handler(ctx: Context) -> None:
        raise error from cause

    return handler


async def test_a_returned_value_is_the_output() -> None:
    """The value is serialised; nothing is the empty value."""

    async def handler(ctx: Context, name: str) -> str:
        return name.upper()

    async def nothing(ctx: Context) -> None: ...

    assert (await Journal(handler, input=b'"ada"').attempt()).output == b'"ADA"'
    assert (await Journal(nothing).attempt()).output == b""


async def test_a_terminal_error_ends_the_invocation() -> None:
    """Message, code and metadata become the output's failure, followed by End."""
    output = (await Journal(_raises(TerminalError("no", 404, {"a": "b"}))).attempt()).output
    assert output == pb.Failure(code=404, message="no", metadata=[pb.FailureMetadata(key="a", value="b")])


async def test_a_terminal_error_decides_from_inside_a_chain() -> None:
    """An exception raised from a TerminalError ends the invocation as that error would."""
    output = (await Journal(_raises(ValueError("wrapped"), TerminalError("no", 404))).attempt()).output
    assert output == pb.Failure(code=404, message="no")


async def test_any_other_exception_is_retried() -> None:
    """An unexpected exception is an Error with its text and its stack."""
    error = (await Journal(_raises(ValueError("boom"))).attempt()).error
    assert (error.code, error.message, error.HasField("next_retry_delay")) == (500, "ValueError('boom')", False)
    assert "in handler" in error.stacktrace


async def test_a_retryable_error_chooses_its_delay() -> None:
    """A RetryableError keeps its code and message and says when to try again."""
    error = (await Journal(_raises(RetryableError("later", 503, timedelta(seconds=2)))).attempt()).error
    assert (error.code, error.message, error.next_retry_delay) == (503, "later", 2000)


async def test_an_exception_that_cannot_be_shown_is_retried_as_well() -> None:
    """An exception whose repr fails still ends its attempt with an Error."""

    class Shy(Exception):
        def __repr__(self) -> str:
            raise RuntimeError("never")

    assert (await Journal(_raises(Shy())).attempt()).error.message in ("Shy", "<unprintable Shy object>")


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), BaseExceptionGroup("many", [Suspended()]), Suspended(), _Strange()]
)
async def test_foreign_control_flow_is_an_error(error: BaseException) -> None:
    """A handler that raises asyncio's or the SDK's control flow by itself has failed like any other."""
    assert (await Journal(_raises(error)).attempt()).kinds == ["Error"]


async def test_input_that_does_not_fit_is_terminal() -> None:
    """A body that the handler cannot take is answered with 400 and not retried."""

    async def handler(ctx: Context, number: int) -> None: ...

    output = (await Journal(handler, input=b'"text"').attempt()).output
    assert isinstance(output, pb.Failure)
    assert output.code == 400


async def test_output_that_cannot_be_serialised_is_terminal() -> None:
    """A value that is no JSON is answered with 500 and not retried."""

    async def handler(ctx: Context) -> Any:
        return object()

    output = (await Journal(handler).attempt()).output
    assert isinstance(output, pb.Failure)
    assert (output.code, "Tested/handler returned a object" in output.message) == (500, True)


async def test_a_handler_that_swallows_its_suspension_changes_nothing() -> None:
    """What was answered stays answered: no later command, output or error gets out."""

    async def handler(ctx: Context) -> str:
        try:
            await ctx.sleep(_HOUR)
        except BaseException:  # noqa: BLE001 - what is tested
            pass
        try:
            await ctx.run_typed("late", int)
        except BaseException:  # noqa: BLE001 - what is tested
            pass
        return "swallowed"

    for attempted in (await Journal(handler).attempt(), await Journal(handler).live()):
        assert attempted.kinds == ["SleepCommand", "Suspension"]


# Python says so when such a handler is thrown away at last; it ignores even that.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_handler_that_never_stops_trying_is_given_up() -> None:
    """A loop around an await that catches everything does not block the event loop for ever."""
    tries = 0

    async def handler(ctx: Context) -> None:
        nonlocal tries
        while True:
            try:
                await ctx.sleep(_HOUR)
            except BaseException:  # noqa: BLE001 - what is tested
                tries += 1

    async with asyncio.timeout(10):
        attempted = await Journal(handler).attempt()
    assert attempted.kinds == ["SleepCommand", "Suspension"]
    assert tries > 1
    gc.collect()


async def test_clean_up_code_runs_when_the_attempt_ends() -> None:
    """`finally` blocks and context managers see the suspension pass, and may await ordinary things."""
    log = []

    async def handler(ctx: Context) -> None:
        try:
            await ctx.sleep(_HOUR)
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    assert (await Journal(handler).attempt()).kinds == ["SleepCommand", "Suspension"]
    assert log == ["cleaned up"]


async def test_context_managers_surround_each_attempt() -> None:
    """Invocation context managers are entered in order before the handler and left after it."""
    log = []

    def manager(name: str) -> Any:
        @asynccontextmanager
        async def surround() -> AsyncIterator[None]:
            log.append(f"enter {name}")
            try:
                yield
            finally:
                log.append(f"leave {name}")

        return surround

    async def handler(ctx: Context) -> None:
        log.append("handler")

    journal = Journal(handler, handler_options={"invocation_context_managers": [manager("a"), manager("b")]})
    await journal.attempt()
    assert log == ["enter a", "enter b", "handler", "leave b", "leave a"]


async def test_the_context_is_current_inside_of_the_handler_only() -> None:
    """`current_context()` is the handler's context, in its tasks and steps too, and None outside."""
    seen = []

    async def step() -> None:
        seen.append(current_context())

    async def handler(ctx: Context) -> None:
        await ctx.run_typed("step", step)
        await asyncio.create_task(step())
        seen.append(ctx)

    await Journal(handler).live()
    assert seen[0] is seen[1] is seen[2]
    assert current_context() is None


async def test_replaying_ends_with_the_last_recorded_command() -> None:
    """Loggers are silent for what an earlier attempt has logged, and speak again behind the last command."""
    seen = []

    async def handler(ctx: Context) -> None:
        seen.append(is_replaying())
        await ctx.run_typed("a", int)
        seen.append(is_replaying())
        await ctx.run_typed("b", int)
        seen.append(is_replaying())

    journal = Journal(handler)
    await journal.attempt()
    assert seen == [False]
    seen.clear()
    journal.value(1, b"1", of=MessageType.RUN_COMPLETION)
    await journal.attempt()
    assert seen == [True, False]
    seen.clear()
    await journal.attempt()
    assert seen == [True, True, False]
    assert is_replaying() is False
