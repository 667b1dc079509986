"""Context managers around attempts: giving handler code what one of them yields."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class contextvar(Generic[P, T]):  # noqa: N801 - used as a decorator, named as in the SDK that user code comes from
    """Keeps what an async context manager yields, for the code that runs inside it.

    Context managers around attempts have nobody to yield to; this makes the value readable as `.value`.

    Example:
        >>> from contextlib import asynccontextmanager
        >>> import holdfast
        >>> @holdfast.contextvar
        ... @asynccontextmanager
        ... async def connection():
        ...     yield "a connection"
        >>> orders = holdfast.Service("Orders", invocation_context_managers=[connection])
        >>> @orders.handler()
        ... async def load(ctx: holdfast.Context, order_id: str) -> str:
        ...     return f"{order_id} from {connection.value}"
    """

    def __init__(self, factory: Callable[P, AbstractAsyncContextManager[T]]) -> None:
        """Take what makes the context manager."""
        self._factory = factory
        self._value: ContextVar[T] = ContextVar(getattr(factory, "__name__", "contextvar"))

    @property
    def value(self) -> T:
        """Return what the context manager yielded.

        Raises:
            LookupError: it is not entered here.
        """
        try:
            return self._value.get()
        except LookupError:
            raise LookupError(f"{self._value.name} is not entered here.") from None

    @asynccontextmanager
    async def _entered(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[None]:
        async with self._factory(*args, **kwargs) as value:
            token = self._value.set(value)
            try:
                yield
            finally:
                self._value.reset(token)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[None]:
        """Return the context manager, as the list of them wants it."""
        return self._entered(*args, **kwargs)
