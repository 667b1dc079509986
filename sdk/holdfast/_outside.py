"""The outside: values that come from other invocations and from beyond, and what is sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from holdfast._futures import DurableFuture, NotifiedFuture
from holdfast._run import DEFAULT_SERDE, chosen_serde
from holdfast._serde import Serde
from holdfast.errors import TerminalError

if TYPE_CHECKING:
    from holdfast._attempt import Attempt

T = TypeVar("T")


class Outside:
    """What every handler can do with awakeables, signals and invocations that it knows by their ids."""

    __slots__ = ()

    _attempt: Attempt

    @overload
    def awakeable(self, serde: Serde[T]) -> tuple[str, DurableFuture[T]]: ...

    @overload
    def awakeable(self, *, type_hint: type[T]) -> tuple[str, DurableFuture[T]]: ...

    @overload
    def awakeable(self) -> tuple[str, DurableFuture[Any]]: ...

    def awakeable(self, serde: Serde[Any] = DEFAULT_SERDE, type_hint: Any = None) -> tuple[str, DurableFuture[Any]]:
        """Return an id to give to the outside, and a future on what somebody resolves it with.

        Example:
            >>> import holdfast
            >>> async def approve(ctx: holdfast.Context, request: str) -> bool:
            ...     awakeable_id, answer = ctx.awakeable(type_hint=bool)
            ...     await ctx.run_typed("ask", send_email, holdfast.RunOptions(), request, awakeable_id)
            ...     return await answer
        """
        awakeable_id, signal = self._attempt.commands.awakeable()
        return awakeable_id, NotifiedFuture(self._attempt, signal, chosen_serde(serde, type_hint))

    def resolve_awakeable(self, name: str, value: T, serde: Serde[T] = DEFAULT_SERDE) -> None:
        """Give an awakeable, by its id, its value."""
        content = chosen_serde(serde, type(value)).serialize(value)
        self._attempt.commands.complete_awakeable(name, bytes(content))

    def reject_awakeable(self, name: str, failure_message: str, failure_code: int = 500) -> None:
        """Make whoever awaits an awakeable, by its id, fail with a TerminalError."""
        self._attempt.commands.complete_awakeable(name, TerminalError(failure_message, failure_code))

    @overload
    def signal(self, name: str, serde: Serde[T]) -> DurableFuture[T]: ...

    @overload
    def signal(self, name: str, *, type_hint: type[T]) -> DurableFuture[T]: ...

    @overload
    def signal(self, name: str) -> DurableFuture[Any]: ...

    def signal(self, name: str, serde: Serde[Any] = DEFAULT_SERDE, type_hint: Any = None) -> DurableFuture[Any]:
        """Return a future on the next signal of this name that is sent to this invocation."""
        self._attempt.commands.check()
        return NotifiedFuture(self._attempt, name, chosen_serde(serde, type_hint))

    def resolve_signal(self, invocation_id: str, name: str, value: T, serde: Serde[T] = DEFAULT_SERDE) -> None:
        """Send a signal with a value to an invocation."""
        content = chosen_serde(serde, type(value)).serialize(value)
        self._attempt.commands.send_signal(invocation_id, name, bytes(content))

    def reject_signal(self, invocation_id: str, name: str, failure_message: str, failure_code: int = 500) -> None:
        """Send a signal to an invocation that makes whoever awaits it there fail with a TerminalError."""
        self._attempt.commands.send_signal(invocation_id, name, TerminalError(failure_message, failure_code))

    def cancel_invocation(self, invocation_id: str) -> None:
        """Ask an invocation to stop: it gets an InvocationCancelled where it waits."""
        self._attempt.commands.cancel(_given(invocation_id))

    @overload
    def attach_invocation(self, invocation_id: str, serde: Serde[T]) -> DurableFuture[T]: ...

    @overload
    def attach_invocation(self, invocation_id: str, *, type_hint: type[T]) -> DurableFuture[T]: ...

    @overload
    def attach_invocation(self, invocation_id: str) -> DurableFuture[Any]: ...

    def attach_invocation(
        self, invocation_id: str, serde: Serde[Any] = DEFAULT_SERDE, type_hint: Any = None
    ) -> DurableFuture[Any]:
        """Return a future on the result of an invocation."""
        completion_id = self._attempt.commands.attach(_given(invocation_id))
        return NotifiedFuture(self._attempt, completion_id, chosen_serde(serde, type_hint))


def _given(invocation_id: str | None) -> str:
    if invocation_id is None:
        raise ValueError("invocation_id is None; await the call's invocation_id() to get it.")
    return invocation_id
