"""Driving a coroutine from outside: step by step, in a context of its own, without a task of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final, TypeVar

T = TypeVar("T")


class Parked(BaseException):
    """The coroutine has asked never to be resumed."""


PARK: Final = object()
"""What a coroutine yields to be given up by whoever drives it."""


class drive(Awaitable[T]):  # noqa: N801 - used as a verb: `await drive(coroutine, context)`
    """Run a coroutine inside of the task that awaits this, with context variables of its own.

    A task would do the same for some twenty microseconds more, and the coroutine's failure to end would then be no
    business of the caller's: a driven coroutine that yields PARK is closed, and the caller goes on.
    """

    __slots__ = ("_context", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, T], context: Context) -> None:
        self._coroutine = coroutine
        self._context = context

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, run = self._coroutine, self._context.run
        advance: Callable[[Any], Any] = coroutine.send
        value: Any = None
        while True:
            try:
                yielded = run(advance, value)
            except StopIteration as end:
                result: T = end.value
                return result
            if yielded is PARK:
                self._close()
                raise Parked
            try:
                value = yield yielded
            except GeneratorExit:
                self._close()
                raise
            except BaseException as error:  # noqa: BLE001 - it belongs to the coroutine, which decides
                advance, value = coroutine.throw, error
            else:
                advance = coroutine.send

    def _close(self) -> None:
        try:
            self._context.run(self._coroutine.close)
        except RuntimeError:
            # It has swallowed GeneratorExit as well. There is no third way to end it; nobody will resume it.
            pass
