"""The driver: runs one attempt of a handler from its journal to its frames."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from contextvars import copy_context
from typing import Final

from holdfast._attempt import Attempt
from holdfast._context import Context, ObjectContext, ObjectSharedContext, WorkflowContext, WorkflowSharedContext
from holdfast._current import set_context
from holdfast._drive import Parked, drive
from holdfast._handler import Handler
from holdfast._machine import Machine
from holdfast._outcome import PROCESS_ENDS, decisive_error_in, words_of
from holdfast.errors import AttemptEnded, RetryableError, TerminalError
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from holdfast_protocol.codes import FailureCode
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.messages import encode
from holdfast_protocol.schema_pb2 import Error, Failure

_MS_PER_S = 1000

_CONTEXT_BY_KIND: Final[dict[tuple[str, str | None], type[Context]]] = {
    ("service", None): Context,
    ("object", "exclusive"): ObjectContext,
    ("object", None): ObjectContext,
    ("object", "shared"): ObjectSharedContext,
    ("workflow", "workflow"): WorkflowContext,
    ("workflow", "shared"): WorkflowSharedContext,
}


async def run_attempt(handler: Handler, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
    """Run one attempt of a handler.

    With a checkpoint the result of a step is made durable and used at once; without one the attempt suspends after
    awaited steps, as the protocol has it.

    Returns:
        The wire frames that were not checkpointed, the last of which says how the attempt ended.
    """
    try:
        machine = Machine(request, is_live=checkpoint is not None)
        command = machine.input()
    except DecodeError as error:
        message = f"The attempt of {request.start.debug_id} cannot be read: {error}."
        return [encode(Error(code=FailureCode.PROTOCOL_VIOLATION, message=message))]
    attempt = Attempt(machine, checkpoint)
    context = _context_class(handler)(attempt, command)
    try:
        await _execute(handler, attempt, context, command.value.content)
    finally:
        if attempt.finished is not None:
            attempt.finished.set()
        await attempt.executor.close()
    if attempt.executor.checkpoint_error is not None:
        raise attempt.executor.checkpoint_error
    return machine.take_frames()


async def _execute(handler: Handler, attempt: Attempt, context: Context, body: bytes) -> None:
    """Execute the handler until the machine has ended."""
    machine = attempt.machine
    variables = copy_context()
    variables.run(set_context, context)
    try:
        output = await drive(_invoke(handler, context, body), variables)
        await _finish(attempt, output)
    except Parked:
        assert machine.ending.error is not None, "only a handler that ignores its end is parked"
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await _fail(attempt, error)
    except PROCESS_ENDS:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its attempt's outcome
        await _fail(attempt, error)
    if machine.is_live and machine.ending.will_be_resumed:
        # Another attempt goes on from here: what is executing shall not have to do so twice.
        await attempt.executor.drain()


async def _invoke(handler: Handler, context: Context, body: bytes) -> bytes:
    """Call the handler's function inside of its context managers."""
    async with AsyncExitStack() as stack:
        for manager in handler.context_managers:
            await stack.enter_async_context(manager())
        arguments = (handler.read_input(body),) if handler.arity > 1 else ()
        return handler.write_output(await handler.fn(context, *arguments))


async def _finish(attempt: Attempt, output: bytes | Failure) -> None:
    """End the invocation with its output, unless the attempt has ended already."""
    # The output is the one command that is never checkpointed: it travels with the End that makes it count.
    await attempt.executor.checkpoint_sleeps()
    if attempt.machine.ending.error is None:
        attempt.machine.finish(output)


async def _fail(attempt: Attempt, error: BaseException) -> None:
    """End the attempt by an exception that left the handler, unless it has ended already."""
    if attempt.machine.ending.error is not None:
        return
    decisive = decisive_error_in(error)
    if isinstance(decisive, TerminalError):
        try:
            await _finish(attempt, attempt.commands.failure(decisive))
        except AttemptEnded:
            # The journal recorded another end; that is what the attempt has ended with now.
            pass
        return
    message, stacktrace = words_of(error)
    failure = Error(code=FailureCode.INTERNAL, message=message, stacktrace=stacktrace)
    if isinstance(decisive, RetryableError):
        failure.code, failure.message = decisive.status_code, decisive.message
        if decisive.retry_after is not None:
            failure.next_retry_delay = int(decisive.retry_after.total_seconds() * _MS_PER_S)
    attempt.machine.fail(failure)


def _context_class(handler: Handler) -> type[Context]:
    return _CONTEXT_BY_KIND.get((handler.service_kind, handler.kind), Context)
