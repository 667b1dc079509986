"""Durable promises: values that the handlers of one workflow run give to each other."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from holdfast._futures import DurableFuture, NotifiedFuture
from holdfast._run import DEFAULT_SERDE, chosen_serde
from holdfast._serde import Serde
from holdfast.errors import TerminalError

if TYPE_CHECKING:
    from holdfast._attempt import Attempt

T = TypeVar("T")


class DurablePromise(Generic[T]):
    """A value that is given once, by any handler of a workflow run, and may be awaited by all of them.

    Example:
        >>> import holdfast
        >>> signup = holdfast.Workflow("Signup")
        >>> @signup.main()
        ... async def run(ctx: holdfast.WorkflowContext, email: str) -> bool:
        ...     return await ctx.promise("clicked", type_hint=str).value() == "secret"
        >>> @signup.handler()
        ... async def click(ctx: holdfast.WorkflowSharedContext, secret: str) -> None:
        ...     await ctx.promise("clicked").resolve(secret)
    """

    __slots__ = ("_attempt", "name", "serde")

    def __init__(self, attempt: Attempt, name: str, serde: Serde[Any]) -> None:
        self._attempt = attempt
        self.name = name
        self.serde = serde

    def value(self) -> DurableFuture[T]:
        """Return a future on the value, once it is given."""
        return self._future(self._attempt.commands.get_promise(self.name))

    def peek(self) -> DurableFuture[T | None]:
        """Return a future on the value as it is now: None if it is not given yet."""
        return self._future(self._attempt.commands.peek_promise(self.name))

    def resolve(self, value: T) -> DurableFuture[None]:
        """Give the value; the future fails with 409 if it has been given already."""
        serde = chosen_serde(self.serde, type(value))
        return self._future(self._attempt.commands.complete_promise(self.name, bytes(serde.serialize(value))))

    def reject(self, message: str, code: int = 500) -> DurableFuture[None]:
        """Make everybody who awaits the value fail; the future fails with 409 if it has been given already."""
        return self._future(self._attempt.commands.complete_promise(self.name, TerminalError(message, code)))

    def __await__(self) -> Generator[Any, Any, T]:
        return self.value().__await__()

    def _future(self, completion_id: int) -> NotifiedFuture[Any]:
        return NotifiedFuture(self._attempt, completion_id, self.serde)


class Promises:
    """What every handler of a workflow may do with the promises of its run."""

    __slots__ = ()

    _attempt: Attempt

    @overload
    def promise(self, name: str, serde: Serde[T]) -> DurablePromise[T]: ...

    @overload
    def promise(self, name: str, *, type_hint: type[T]) -> DurablePromise[T]: ...

    @overload
    def promise(self, name: str) -> DurablePromise[Any]: ...

    def promise(self, name: str, serde: Serde[Any] = DEFAULT_SERDE, type_hint: Any = None) -> DurablePromise[Any]:
        """Return the promise of this name."""
        return DurablePromise(self._attempt, name, chosen_serde(serde, type_hint))
