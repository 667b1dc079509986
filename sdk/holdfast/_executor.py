"""The executor: the closures of an attempt's steps, those that wait to be started and those that are executing."""

from __future__ import annotations

import asyncio
from time import monotonic, time

from holdfast._await import Await
from holdfast._checkpoints import Checkpoints
from holdfast._commands import Commands
from holdfast._machine import Machine
from holdfast._outcome import PROCESS_ENDS, words_of
from holdfast._run import Step, execute, is_used_up, retry_after_ms
from holdfast._steps import StepFailure
from holdfast.errors import RetryableError, TerminalError
from holdfast_protocol.attempt import Checkpoint
from holdfast_protocol.codes import FailureCode
from holdfast_protocol.schema_pb2 import Failure

_MS_PER_S = 1000


class Executor:
    """Starts closures when the machine says so, and tells it what they came to."""

    __slots__ = ("_checkpoints", "_commands", "_machine", "_step_by_id", "_tasks", "_wakeup")

    def __init__(self, machine: Machine, commands: Commands, checkpoint: Checkpoint | None) -> None:
        self._machine = machine
        self._commands = commands
        self._checkpoints = Checkpoints(machine, checkpoint, self._wake) if checkpoint is not None else None
        self._step_by_id: dict[int, Step] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wakeup: asyncio.Future[None] | None = None

    @property
    def is_executing(self) -> bool:
        """Whether any closure is executing."""
        return bool(self._machine.steps.executing)

    @property
    def checkpoint_error(self) -> Exception | None:
        """What the checkpoint raised, if it did."""
        return self._checkpoints.error if self._checkpoints else None

    def add(self, completion_id: int, step: Step) -> None:
        """Keep a step until somebody awaits it."""
        self._step_by_id[completion_id] = step

    async def start(self, want: Await) -> None:
        """Start the closures of all awaited steps that have not been started.

        Raises:
            AttemptEnded: the attempt may execute nothing more.
        """
        if self._checkpoints is not None:
            await self._checkpoints.before_closures()
        is_alone = want.is_leaf and not self.is_executing
        ids = self._machine.steps.start(want.leaves())
        if is_alone and len(ids) == 1:
            # Nothing can happen meanwhile that the handler would want to know, so no task is needed.
            await self._execute(ids[0])
            return
        loop = asyncio.get_running_loop()
        for completion_id in ids:
            task = loop.create_task(self._execute(completion_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def something_happens(self, want: Await) -> None:
        """Wait until a closure has ended, or, where results need no server, until an awaited sleep is over."""
        due_at_ms = self._machine.due_at_ms(want) if self._machine.is_live else None
        timer = None
        if due_at_ms is not None:
            delay_s = max(0.0, due_at_ms / _MS_PER_S - time())
            timer = asyncio.get_running_loop().call_later(delay_s, self._wake)
        try:
            await self._be_woken()
        finally:
            if timer is not None:
                timer.cancel()
        if due_at_ms is not None:
            self._machine.end_sleeps(want, int(time() * _MS_PER_S))

    async def drain(self) -> None:
        """Wait until no closure is executing, so that no result is lost; unless none counts any more."""
        while self.is_executing and not (self._checkpoints and self._checkpoints.is_stopped):
            await self._be_woken()

    async def checkpoint_sleeps(self) -> None:
        """Append the ends of sleeps that this attempt has seen, and what came before them: they cannot be proposed."""
        if self._checkpoints is not None and self._machine.tail.must_be_checkpointed:
            await self._checkpoints.flush()

    async def close(self) -> None:
        """Stop what is executing, and see that nothing is under way when the attempt's answer is returned."""
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            # Whoever refuses to be cancelled is left behind: its result is not wanted.
            await asyncio.sleep(0)
        if self._checkpoints is not None:
            await self._checkpoints.close()
            await self.checkpoint_sleeps()

    async def _execute(self, completion_id: int) -> None:
        step = self._step_by_id.pop(completion_id)
        started_at = monotonic()
        outcome: bytes | Failure | StepFailure
        try:
            outcome = await execute(step)
        except TerminalError as error:
            outcome = self._commands.failure(error)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                self._put_back(completion_id, step)
                raise
            outcome = self._failed(step, error, started_at)
        except PROCESS_ENDS:
            raise
        except BaseException as error:  # noqa: BLE001 - a step may throw anything, and must not be waited for for ever
            outcome = self._failed(step, error, started_at)
        self._machine.finish_step(completion_id, outcome)
        if self._checkpoints is not None:
            self._checkpoints.result_added()
        self._wake()

    def _put_back(self, completion_id: int, step: Step) -> None:
        """Let a step that was cut off wait again: a handler that has timed itself out may await it once more."""
        self._machine.steps.put_back(completion_id)
        self._step_by_id[completion_id] = step

    def _failed(self, step: Step, error: BaseException, started_at: float) -> Failure | StepFailure:
        """Return what becomes of a step that threw: its own retry policy, if any, decides."""
        attempts, elapsed_ms = self._machine.earlier_tries()
        attempts += 1
        elapsed_ms += int((monotonic() - started_at) * _MS_PER_S)
        code: int = FailureCode.INTERNAL
        message, stacktrace = words_of(error)
        if isinstance(error, RetryableError):
            code, message = error.status_code, error.message
        if is_used_up(step.options, attempts=attempts, elapsed_ms=elapsed_ms):
            return Failure(code=code, message=message)
        return StepFailure(
            code=code,
            message=message,
            stacktrace=stacktrace,
            retry_after_ms=retry_after_ms(step.options, error, attempts=attempts),
        )

    async def _be_woken(self) -> None:
        """Wait until a closure has ended, or the attempt has been stopped."""
        self._wakeup = asyncio.get_running_loop().create_future()
        try:
            await self._wakeup
        finally:
            self._wakeup = None

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
