"""Requests that wait for an invocation: bounded in number, and free to leave without disturbing what they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Overloaded(Exception):
    """As many requests wait as the bound allows; says so, and what to do."""

    def __init__(self, waiting_max: int) -> None:
        super().__init__(
            f"{waiting_max} requests are waiting for invocations, which is as many as this server lets wait: repeat"
            " this one in a moment"
        )


class Stopping(Exception):
    """The server stops; the invocation goes on when it is back."""


class WaitingRoom:
    """Runs each request's work in a task of its own, so that a client who leaves cancels only the waiting."""

    def __init__(self, *, waiting_max: int) -> None:
        self._waiting_max = waiting_max
        self._waiting: set[asyncio.Future[Any]] = set()
        self._work: set[asyncio.Task[Any]] = set()
        self._is_stopping = False

    @property
    def count(self) -> int:
        """Return how many requests wait now."""
        return len(self._waiting)

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns. When the caller is cancelled the work goes on.

        Raises:
            Overloaded: The bound is reached; the work has not begun.
            Stopping: The server stops, before or while the work is waited for.
        """
        if self._is_stopping or len(self._waiting) >= self._waiting_max:
            work.close()
            raise Stopping if self._is_stopping else Overloaded(self._waiting_max)
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        self._waiting.add(result)
        task = loop.create_task(work)
        # The loop keeps only a weak reference to a task.
        self._work.add(task)
        task.add_done_callback(lambda done: self._settle(done, result))
        try:
            return await result
        finally:
            self._waiting.discard(result)

    def release(self) -> None:
        """Let all who wait, and all who come later, go with `Stopping`."""
        self._is_stopping = True
        for result in self._waiting:
            if not result.done():
                result.set_exception(Stopping())

    async def close(self) -> None:
        """Release everybody and end the work that is left; for when the engine has stopped."""
        self.release()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def _settle(self, task: asyncio.Task[T], result: asyncio.Future[T]) -> None:
        self._work.discard(task)
        # Asking for the exception also tells asyncio that it was seen, when nobody waits any more.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if result.done():
            return
        if error is None:
            result.set_result(task.result())
        elif isinstance(error, asyncio.CancelledError):
            result.cancel()
        else:
            result.set_exception(error)
