"""State: reading and writing the values of the key that a handler was called for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from holdfast._futures import DurableFuture, NotifiedFuture
from holdfast._run import DEFAULT_SERDE, chosen_serde
from holdfast._serde import Serde

if TYPE_CHECKING:
    from holdfast._attempt import Attempt

T = TypeVar("T")


class ReadableState:
    """What every handler of a virtual object or workflow may do with the state of its key."""

    __slots__ = ()

    _attempt: Attempt

    def key(self) -> str:
        """Return the key that the handler was called for."""
        return self._attempt.machine.start.key

    @overload
    def get(
        self, name: str, serde: Serde[T], type_hint: None = None, entry_name: str | None = None
    ) -> DurableFuture[T | None]: ...

    @overload
    def get(self, name: str, *, type_hint: type[T], entry_name: str | None = None) -> DurableFuture[T | None]: ...

    @overload
    def get(self, name: str, *, entry_name: str | None = None) -> DurableFuture[Any]: ...

    def get(
        self, name: str, serde: Serde[Any] = DEFAULT_SERDE, type_hint: Any = None, entry_name: str | None = None
    ) -> DurableFuture[Any]:
        """Return a future on a value; it is None when there is none.

        Example:
            >>> import holdfast
            >>> async def balance(ctx: holdfast.ObjectSharedContext) -> int:
            ...     return await ctx.get("balance", type_hint=int) or 0
        """
        attempt = self._attempt
        completion_id = attempt.commands.get_state(name, entry_name or "")
        return NotifiedFuture(attempt, completion_id, chosen_serde(serde, type_hint))

    def state_keys(self, entry_name: str | None = None) -> DurableFuture[list[str]]:
        """Return a future on the names of all values."""
        attempt = self._attempt
        return NotifiedFuture(attempt, attempt.commands.get_state_keys(entry_name or ""))


class WritableState(ReadableState):
    """What a handler that has the key to itself may do with the state."""

    __slots__ = ()

    def set(self, name: str, value: T, serde: Serde[T] = DEFAULT_SERDE, entry_name: str | None = None) -> None:
        """Write a value.

        Example:
            >>> import holdfast
            >>> async def deposit(ctx: holdfast.ObjectContext, amount: int) -> None:
            ...     ctx.set("balance", (await ctx.get("balance", type_hint=int) or 0) + amount)
        """
        content = chosen_serde(serde, cast("type[Any]", type(value))).serialize(value)
        self._attempt.commands.set_state(name, bytes(content), entry_name or "")

    def clear(self, name: str, entry_name: str | None = None) -> None:
        """Remove a value."""
        self._attempt.commands.clear_state(name, entry_name or "")

    def clear_all(self, entry_name: str | None = None) -> None:
        """Remove all values."""
        self._attempt.commands.clear_all_state(entry_name or "")
