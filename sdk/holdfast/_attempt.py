"""One attempt as handler code meets it: the machine, its commands, its executor, and waiting on them."""

from __future__ import annotations

import asyncio

from holdfast._await import Await, NotificationId
from holdfast._commands import Commands
from holdfast._current import executing_step
from holdfast._executor import Executor
from holdfast._machine import Machine, Progress
from holdfast.errors import InvocationCancelled, UsageError
from holdfast_protocol.attempt import Checkpoint


class Attempt:
    """What contexts and futures share while one attempt goes on."""

    __slots__ = ("_commands", "_is_waiting", "executor", "finished", "machine", "task")

    def __init__(self, machine: Machine, checkpoint: Checkpoint | None) -> None:
        self.machine = machine
        self._commands = Commands(machine)
        self.executor = Executor(machine, self._commands, checkpoint)
        self.task = asyncio.current_task()
        self.finished: asyncio.Event | None = None
        self._is_waiting = False

    @property
    def commands(self) -> Commands:
        """What the handler can ask for.

        Raises:
            UsageError: a step asks for it.
        """
        if (step := executing_step()) is not None:
            raise UsageError(inside_step("The context was used", step))
        return self._commands

    def is_seen(self, notification_id: NotificationId) -> bool:
        """Return whether a notification has been looked at by some await, this one included."""
        return notification_id in self.machine.arrivals.seen or self.machine.seek(notification_id)

    def check_caller(self) -> bool:
        """Refuse awaits that no replay could repeat; return False when the handler will never stop trying.

        Raises:
            UsageError: the await is inside a step, or made by asyncio's own combinators.
        """
        if (step := executing_step()) is not None:
            raise UsageError(inside_step("A durable future was awaited", step))
        task = asyncio.current_task()
        if task is not self.task and _is_wrapper(task):
            raise UsageError(
                "asyncio.gather, wait, wait_for, shield and create_task cannot take durable futures: the order in"
                " which asyncio resumes its tasks is not replayed. Use holdfast.gather, select, as_completed or"
                " wait_completed, and .or_timeout(...) for a timeout."
            )
        return not self.machine.ending.is_ignored

    async def wait(self, want: Await) -> None:
        """Wait until what is awaited has settled.

        Raises:
            InvocationCancelled: somebody cancelled the invocation.
            AttemptEnded: the attempt is over.
        """
        if self._is_waiting:
            raise UsageError(
                "Two tasks of one handler wait for durable futures at the same time; which of them goes on first would"
                " differ in a replay. Create the futures first and await them together with holdfast.gather or select."
            )
        self._is_waiting = True
        try:
            await self._advance(want)
        finally:
            self._is_waiting = False

    async def _advance(self, want: Await) -> None:
        machine, executor = self.machine, self.executor
        while True:
            progress = machine.progress(want)
            if progress is Progress.SETTLED:
                return
            if progress is Progress.CANCELLED:
                raise InvocationCancelled
            if progress is Progress.STEPS_TO_START:
                await executor.start(want)
            elif progress is Progress.STEPS_EXECUTING or (machine.is_live and executor.is_executing):
                # Live, even those nobody awaits are waited for: what they do shall not be lost by suspending.
                await executor.something_happens(want)
            else:
                raise machine.suspend()


def inside_step(what: str, step: str) -> str:
    """Return the message for using the context inside of a step."""
    return (
        f"{what} inside the step {step!r}. A step is recorded as one result and skipped in replays, so durable"
        " operations belong outside of it: call them from the handler."
    )


def _is_wrapper(task: asyncio.Task[object] | None) -> bool:
    """Return whether asyncio made this task to await one future that it was given."""
    coroutine = task.get_coro() if task is not None else None
    return getattr(coroutine, "__name__", "") == "_wrap_awaitable"
