"""Contexts: what a handler is given to act durably with, one class for each kind of handler."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from time import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from holdfast._calls import ScopedContext, UnscopedCaller
from holdfast._clock import at_ms
from holdfast._current import current_context, executing_step
from holdfast._futures import DurableFuture, NotifiedFuture, SleepFuture
from holdfast._outside import Outside
from holdfast._promise import Promises
from holdfast._request import AttemptFinishedEvent, Request
from holdfast._run import DEFAULT_SERDE, RunOptions, Step, serde_of_step
from holdfast._saga import Saga
from holdfast._serde import Serde
from holdfast._state import ReadableState, WritableState
from holdfast.errors import UsageError

if TYPE_CHECKING:
    from random import Random
    from uuid import UUID

    from holdfast._attempt import Attempt
    from holdfast_protocol.schema_pb2 import InputCommand

P = ParamSpec("P")
T = TypeVar("T")

_DEFAULT_OPTIONS: RunOptions[Any] = RunOptions()


class Context(UnscopedCaller, Outside):
    """What every handler can do: execute steps, sleep, call and message other handlers, wait for the outside.

    Example:
        >>> from datetime import timedelta
        >>> import holdfast
        >>> orders = holdfast.Service("Orders")
        >>> @orders.handler()
        ... async def place(ctx: holdfast.Context, order_id: str) -> str:
        ...     receipt = await ctx.run_typed("charge", charge, holdfast.RunOptions(), order_id)
        ...     await ctx.sleep(timedelta(days=1))
        ...     return receipt
    """

    __slots__ = ("_input", "_random", "_request")

    def __init__(self, attempt: Attempt, command: InputCommand) -> None:
        """Take the attempt; the driver makes contexts, handlers get them."""
        self._attempt = attempt
        self._scope = None
        self._input = command
        self._random: Random | None = None
        self._request: Request | None = None

    def request(self) -> Request:
        """Return what the invocation was called with."""
        if self._request is None:
            machine = self._attempt.machine
            start, attempt_request = machine.start, machine.request
            self._request = Request(
                id=start.debug_id,
                headers={header.key: header.value for header in self._input.headers},
                attempt_headers=attempt_request.headers,
                body=self._input.value.content,
                attempt_finished_event=AttemptFinishedEvent(self._attempt),
                scope=start.scope if start.HasField("scope") else None,
                limit_key=start.limit_key if start.HasField("limit_key") else None,
                idempotency_key=start.idempotency_key if start.HasField("idempotency_key") else None,
            )
        return self._request

    @overload
    def run_typed(
        self,
        name: str,
        action: Callable[P, Coroutine[Any, Any, T]],
        options: RunOptions[Any] = _DEFAULT_OPTIONS,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> DurableFuture[T]: ...

    @overload
    def run_typed(
        self,
        name: str,
        action: Callable[P, T],
        options: RunOptions[Any] = _DEFAULT_OPTIONS,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> DurableFuture[T]: ...

    def run_typed(
        self,
        name: str,
        action: Callable[..., Any],
        options: RunOptions[Any] = _DEFAULT_OPTIONS,
        /,
        *args: Any,
        **kwargs: Any,
    ) -> DurableFuture[Any]:
        """Execute an action as a step: its result is recorded, and replays return it without executing it again.

        The action starts when the future is awaited, alone or among others. It may be sync or async; sync ones execute
        in a thread. It must not use the context. If it throws, it is tried again, by `options` or by the invocation's
        retry policy; a TerminalError is recorded as the step's result.

        Example:
            >>> import holdfast
            >>> async def pay(ctx: holdfast.Context, card: str) -> str:
            ...     return await ctx.run_typed("charge", charge_card, holdfast.RunOptions(max_attempts=3), card)
        """
        attempt = self._attempt
        completion_id = attempt.commands.run(name)
        serde = serde_of_step(action, options)
        step = Step(name=name, action=action, args=args, kwargs=kwargs, serde=serde, options=options)
        attempt.executor.add(completion_id, step)
        return NotifiedFuture(attempt, completion_id, serde)

    def run(
        self,
        name: str,
        action: Callable[..., Coroutine[Any, Any, T]] | Callable[..., T],
        serde: Serde[T] = DEFAULT_SERDE,
        max_attempts: int | None = None,
        max_retry_duration: timedelta | None = None,
        type_hint: type[T] | None = None,
        args: tuple[Any, ...] | None = None,
    ) -> DurableFuture[T]:
        """Execute an action as a step; the older spelling of `run_typed`.

        Example:
            >>> import holdfast
            >>> async def pay(ctx: holdfast.Context, card: str) -> str:
            ...     return await ctx.run("charge", lambda: charge_card(card))
        """
        options = RunOptions(
            serde=serde, type_hint=type_hint, max_attempts=max_attempts, max_duration=max_retry_duration
        )
        future: DurableFuture[T] = self.run_typed(name, action, options, *(args or ()))
        return future

    def sleep(self, delta: timedelta, name: str | None = None) -> SleepFuture:
        """Return a future on the end of a durable sleep, which outlives every attempt."""
        attempt = self._attempt
        return SleepFuture(attempt, attempt.commands.sleep(at_ms(delta), name or ""))

    def saga(self) -> Saga:
        """Return a saga: a block whose steps are compensated if it fails for good.

        Example:
            >>> import holdfast
            >>> async def travel(ctx: holdfast.Context, trip: str) -> None:
            ...     async with ctx.saga() as saga:
            ...         await saga.run("flight", book_flight, trip, compensate=cancel_flight)
            ...         await saga.run("car", book_car, trip, compensate=cancel_car)
        """
        return Saga(self)

    def scope(self, scope: str) -> ScopedContext:
        """Return a caller whose calls belong to a scope."""
        return ScopedContext(self._attempt, scope)

    def random(self) -> Random:
        """Return a random generator that gives the same numbers in every replay; not for secrets."""
        if (step := executing_step()) is not None:
            raise UsageError(
                f"ctx.random() was used inside the step {step!r}: what it gives would depend on whether the step is"
                " executed or replayed. Draw before the step, and pass the value in."
            )
        if self._random is None:
            from random import Random  # costs as much to import as half of this package; most handlers draw nothing

            self._random = Random(self._attempt.machine.random_seed())
        return self._random

    def uuid(self) -> UUID:
        """Return a UUID that is the same in every replay; good as an idempotency key."""
        from uuid import UUID  # as above

        return UUID(int=self.random().getrandbits(128), version=4)

    def time(self) -> DurableFuture[float]:
        """Return a future on the time, as `time.time()` gives it, recorded once."""
        return self.run_typed("timestamp", _time)


class ObjectSharedContext(Context, ReadableState):
    """What a shared handler of a virtual object can do: all of `Context`, and read the state of its key.

    Example:
        >>> import holdfast
        >>> account = holdfast.VirtualObject("Account")
        >>> @account.handler(kind="shared")
        ... async def balance(ctx: holdfast.ObjectSharedContext) -> int:
        ...     return await ctx.get("balance", type_hint=int) or 0
    """

    __slots__ = ()


class ObjectContext(ObjectSharedContext, WritableState):
    """What an exclusive handler of a virtual object can do: all of `Context`, and read and write the state of its key.

    Example:
        >>> import holdfast
        >>> account = holdfast.VirtualObject("Account")
        >>> @account.handler()
        ... async def deposit(ctx: holdfast.ObjectContext, amount: int) -> None:
        ...     ctx.set("balance", (await ctx.get("balance", type_hint=int) or 0) + amount)
    """

    __slots__ = ()


class WorkflowSharedContext(ObjectSharedContext, Promises):
    """What the other handlers of a workflow can do: read its state, and await or complete its promises.

    Example:
        >>> import holdfast
        >>> signup = holdfast.Workflow("Signup")
        >>> @signup.handler()
        ... async def click(ctx: holdfast.WorkflowSharedContext, secret: str) -> None:
        ...     await ctx.promise("clicked").resolve(secret)
    """

    __slots__ = ()


class WorkflowContext(ObjectContext, Promises):
    """What the main handler of a workflow can do: all of `ObjectContext`, and await or complete its promises.

    Example:
        >>> import holdfast
        >>> signup = holdfast.Workflow("Signup")
        >>> @signup.main()
        ... async def run(ctx: holdfast.WorkflowContext, email: str) -> bool:
        ...     return await ctx.promise("clicked", type_hint=str).value() == "secret"
    """

    __slots__ = ()


def is_replaying() -> bool:
    """Return whether the handler that is executing here repeats what earlier attempts did."""
    context = current_context()
    return context is not None and context._attempt.machine.is_replaying


async def _time() -> float:
    return time()
