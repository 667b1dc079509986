"""Sagas: steps with compensations, which run in reverse when the block fails for good."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from holdfast._outcome import terminal_error_in
from holdfast._run import RunOptions
from holdfast.errors import InvocationCancelled, TerminalError

if TYPE_CHECKING:
    from holdfast._context import Context
    from holdfast._futures import DurableFuture

_DEFAULT_OPTIONS: RunOptions[Any] = RunOptions()


class Saga:
    """A block of steps that are undone together: `async with ctx.saga() as saga`.

    When a TerminalError leaves the block, a cancellation included, the compensations registered so far are executed
    as steps, the last one first, and then the error goes on. Any other exception means that the attempt is retried,
    and nothing is undone. A compensation is tried again like any step; one that itself fails with a TerminalError does
    not keep the others from being executed, and is named in the error that goes on.

    Example:
        >>> import holdfast
        >>> async def travel(ctx: holdfast.Context, trip: str) -> None:
        ...     async with ctx.saga() as saga:
        ...         await saga.run("flight", book_flight, trip, compensate=cancel_flight)
        ...         booking = await ctx.run_typed("car", book_car, holdfast.RunOptions(), trip)
        ...         saga.compensate("return car", cancel_car, booking)
        ...         await saga.run("payment", charge, trip, compensate=refund)
    """

    __slots__ = ("_compensations", "_context")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._compensations: list[tuple[str, Callable[..., Any], tuple[Any, ...], RunOptions[Any]]] = []

    def run(
        self,
        name: str,
        action: Callable[..., Any],
        *args: Any,
        compensate: Callable[..., Any] | None = None,
        options: RunOptions[Any] = _DEFAULT_OPTIONS,
    ) -> DurableFuture[Any]:
        """Execute a step, as `ctx.run_typed` does; `compensate` undoes it and is called with the same arguments.

        The compensation counts from here on, not from the step's success: a step that fails may have done half of its
        work, or all of it. So it must also do no harm where there is nothing to undo.
        """
        if compensate is not None:
            self.compensate(f"compensate {name}", compensate, *args)
        return self._context.run_typed(name, action, options, *args)

    def compensate(
        self, name: str, action: Callable[..., Any], *args: Any, options: RunOptions[Any] = _DEFAULT_OPTIONS
    ) -> None:
        """Register a compensation: a step to execute if the block fails for good."""
        self._compensations.append((name, action, args, options))

    async def __aenter__(self) -> Saga:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cause = terminal_error_in(error) if error is not None else None
        if cause is None:
            return
        failed = [name for name in [await self._undo(*each) for each in reversed(self._compensations)] if name]
        if failed:
            message = f"{cause.message} (not compensated: {', '.join(failed)})"
            raise TerminalError(message, cause.status_code, cause.metadata) from error

    async def _undo(
        self, name: str, action: Callable[..., Any], args: tuple[Any, ...], options: RunOptions[Any]
    ) -> str | None:
        """Execute a compensation; return its name and why if it failed for good."""
        future = self._context.run_typed(name, action, options, *args)
        while True:
            try:
                await future
            except InvocationCancelled:
                # Being cancelled is no reason to leave things half done: a cancellation is what got us here, often.
                continue
            except TerminalError as error:
                return f"{name}: {error.message}"
            return None
