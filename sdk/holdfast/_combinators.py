"""Waiting for several futures: all of them, the first of them, or one after the other as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from holdfast._await import Await
from holdfast._futures import DurableFuture, all_of, first_of
from holdfast.errors import UsageError


def gather(*futures: DurableFuture[Any]) -> DurableFuture[list[DurableFuture[Any]]]:
    """Wait until all futures are completed, failed ones included, and return them; await each for its result.

    Example:
        >>> import holdfast
        >>> async def fan_out(ctx: holdfast.Context, items: list[str]) -> list[str]:
        ...     calls = [ctx.service_call(process, item) for item in items]
        ...     return [await call for call in await holdfast.gather(*calls)]
    """
    return _All(futures)


def select(**futures: DurableFuture[Any]) -> DurableFuture[list[Any]]:
    """Wait for the first future to complete; return its name and its result, or raise what it failed with.

    Example:
        >>> from datetime import timedelta
        >>> import holdfast
        >>> async def race(ctx: holdfast.Context) -> str:
        ...     _, answer = ctx.awakeable(type_hint=str)
        ...     match await holdfast.select(answer=answer, timeout=ctx.sleep(timedelta(hours=1))):
        ...         case ["answer", text]:
        ...             return text
        ...         case _:
        ...             return "too late"
    """
    if not futures:
        raise ValueError("select needs at least one future.")
    return _First(futures)


def wait_completed(
    *futures: DurableFuture[Any],
) -> DurableFuture[tuple[list[DurableFuture[Any]], list[DurableFuture[Any]]]]:
    """Wait until at least one future is completed; return those that are, and those that are not.

    Example:
        >>> import holdfast
        >>> async def any_of(ctx: holdfast.Context, calls: list[holdfast.DurableFuture[str]]) -> int:
        ...     done, pending = await holdfast.wait_completed(*calls)
        ...     return len(done)
    """
    return _Split(futures)


async def as_completed(*futures: DurableFuture[Any]) -> AsyncIterator[DurableFuture[Any]]:
    """Yield futures in the order in which they complete, which every replay repeats.

    Example:
        >>> import holdfast
        >>> async def first_results(ctx: holdfast.Context, calls: list[holdfast.DurableFuture[str]]) -> list[str]:
        ...     return [await call async for call in holdfast.as_completed(*calls)]
    """
    pending: Sequence[DurableFuture[Any]] = futures
    while pending:
        completed, pending = await wait_completed(*pending)
        for future in completed:
            yield future


class _Several(DurableFuture[Any]):
    """A future that is made of others."""

    __slots__ = ("_futures",)

    def __init__(self, futures: Sequence[DurableFuture[Any]]) -> None:
        for future in futures:
            if not isinstance(future, DurableFuture):
                raise UsageError(
                    f"{future!r} is not a durable future; only those that a context has made can be combined."
                )
            if future._attempt is not futures[0]._attempt:
                raise UsageError("The futures come from contexts of different invocations; combine those of one.")
        self._futures = list(futures)
        if futures:
            self._attempt = futures[0]._attempt

    def _wants(self) -> list[Await]:
        return [future._want() for future in self._futures if not future._has_settled()]


class _All(_Several):
    __slots__ = ()

    def __await__(self) -> Any:
        return super().__await__() if self._futures else _nothing([])

    def _has_settled(self) -> bool:
        return all(future._has_settled() for future in self._futures)

    def _want(self) -> Await:
        return all_of(self._wants())

    def _result(self) -> list[DurableFuture[Any]]:
        return self._futures


class _Split(_Several):
    __slots__ = ()

    def __await__(self) -> Any:
        return super().__await__() if self._futures else _nothing(([], []))

    def _has_settled(self) -> bool:
        return any(future._has_settled() for future in self._futures)

    def _want(self) -> Await:
        return first_of(self._wants())

    def _result(self) -> tuple[list[DurableFuture[Any]], list[DurableFuture[Any]]]:
        completed = [future for future in self._futures if future._has_settled()]
        return completed, [future for future in self._futures if not future._has_settled()]


class _First(_Several):
    __slots__ = ("_names",)

    def __init__(self, futures: dict[str, DurableFuture[Any]]) -> None:
        super().__init__(list(futures.values()))
        self._names = list(futures)

    def _has_settled(self) -> bool:
        return any(future._has_settled() for future in self._futures)

    def _want(self) -> Await:
        return first_of(self._wants())

    def _result(self) -> list[Any]:
        for name, future in zip(self._names, self._futures, strict=True):
            if future._has_settled():
                return [name, future._result()]
        raise AssertionError("nothing has completed")


def _nothing(result: Any) -> Any:
    return result
    yield
