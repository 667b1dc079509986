"""The event loop of the simulation: one thread, virtual time, and processes that can be frozen or die at any await.

Nothing here reads a clock or waits. When no callback is ready, time leaps to the next timer. Callbacks run in the order
in which they became ready; what is random is how long each operation of a port takes, which is drawn from the seed.
A callback belongs to the simulated process in whose context it was scheduled: those of a frozen process are kept for
later, those of a dead one are dropped, so that no line of code runs in it any more, `finally` included.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from tests.simulation.world.process import Process

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# A coroutine that swallows the exception which closes it is asked a few times more; nothing else can be done.
_CLOSINGS_MAX = 5

CURRENT: ContextVar[Process | None] = ContextVar("simulated_process", default=None)


class NothingLeft(Exception):
    """Everything waits and no timer is armed: what the simulation waits for will never come."""


class TooMuch(Exception):
    """The history has more steps than any that comes to rest."""


class SimTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address in memory."""

    def __init__(self, coro: Any, *, loop: SimLoop, name: str | None = None, context: Context | None = None) -> None:
        # Before the base class puts it into a set of its own.
        self._number = loop.new_number()
        super().__init__(coro, loop=loop, name=name, context=context)
        # A dead process leaves its tasks as they are.
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self._number


if TYPE_CHECKING:
    # To a type checker a loop is one only when it can open sockets.
    _Loop = asyncio.BaseEventLoop
else:
    _Loop = asyncio.AbstractEventLoop


class SimLoop(_Loop):
    """As much of an event loop as engine and SDK need; what they do not need raises NotImplementedError."""

    def __init__(self, *, steps_max: int) -> None:
        self.now_s = 0.0
        self.steps = 0
        self.problems: list[dict[str, Any]] = []
        self._world = copy_context()
        self._world.run(CURRENT.set, None)
        self._steps_max = steps_max
        self._numbers = 0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._processes: list[Process] = []
        self._tasks_of_the_world: list[SimTask] = []

    def new_number(self) -> int:
        """Return the next of the numbers that tell things of one history apart."""
        self._numbers += 1
        return self._numbers

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until a coroutine has ended.

        Raises:
            NothingLeft: It never will.
            TooMuch: It takes too many steps.
        """
        events._set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                self._step()
            result: T = task.result()
            return result
        finally:
            self._clear()
            events._set_running_loop(None)

    def time(self) -> float:
        return self.now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Context | None = None) -> SimTask:
        task = SimTask(coro, loop=self, name=name, context=context)
        process = CURRENT.get() if context is None else context.get(CURRENT)
        (self._tasks_of_the_world if process is None else process.tasks).append(task)
        return task

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self.new_number(), timer))
        return timer

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Have a simulated thread make a call."""
        assert not args, "a call that needs arguments has closed over them"
        return self.create_task(executor.carry_out(func))

    def in_the_world(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> None:
        """Call something later that belongs to no process, whoever asks for it: it happens even if he is dead."""
        self.call_at(self.now_s + delay_s, callback, *args, context=self._world)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.problems.append(context)

    def add_process(self, process: Process) -> None:
        """Take in a process whose tasks have to be cleared away in the end."""
        self._processes.append(process)

    def release(self, handles: list[asyncio.Handle]) -> None:
        """Make callbacks of a process ready that was frozen, in the order in which they had come up."""
        self._ready.extend(handles)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to count: a cancelled timer is dropped when its time comes."""

    def _clear(self) -> None:
        """Close what is left, so that nothing of it wakes up when memory is freed."""
        for process in self._processes:
            process.bury()
        close_all(self._tasks_of_the_world)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._steps_max:
            raise TooMuch(f"more than {self._steps_max} steps")
        if not self._ready:
            self._leap()
        handle = self._ready.popleft()
        if handle._cancelled:
            return
        process = handle._context.get(CURRENT)  # type: ignore[attr-defined]
        if process is None or process.admits(handle):
            handle._run()

    def _leap(self) -> None:
        """Let time pass until the next timer, and make all that are due ready."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise NothingLeft
        self.now_s = max(self.now_s, timers[0][0])
        while timers and timers[0][0] <= self.now_s:
            self._ready.append(heapq.heappop(timers)[2])


def close_all(tasks: list[SimTask]) -> None:
    """Close the coroutines of tasks that will never go on."""
    for task in tasks:
        if not task.done():
            _close(task.get_coro())
    tasks.clear()


def _close(coroutine: Any) -> None:
    for _ in range(_CLOSINGS_MAX):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001 - whatever it says, nobody will resume it.
            continue
        return
