"""Durable futures: handles on notifications that have not been seen yet."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Generator
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from holdfast._await import Await, NotificationId
from holdfast._clock import at_ms
from holdfast._drive import PARK
from holdfast.errors import InvocationTimedOut, TerminalError

if TYPE_CHECKING:
    from holdfast._attempt import Attempt
    from holdfast._serde import Serde
    from holdfast_protocol.schema_pb2 import Notification

T = TypeVar("T")


class _State(Enum):
    PENDING = auto()
    VALUE = auto()
    FAILURE = auto()


class DurableFuture(Awaitable[T], Generic[T]):
    """What a durable operation will come to; await it, more than once if need be, or combine it with others.

    Use `holdfast.gather`, `select`, `as_completed` and `wait_completed` to wait for several. asyncio's own `gather`,
    `wait`, `wait_for`, `shield` and `create_task` refuse durable futures with a UsageError, because the order in which
    asyncio resumes tasks is not replayed.

    Example:
        >>> import holdfast
        >>> async def both(ctx: holdfast.Context) -> list[str]:
        ...     first = ctx.run_typed("first", fetch, holdfast.RunOptions(), 1)
        ...     second = ctx.run_typed("second", fetch, holdfast.RunOptions(), 2)
        ...     await holdfast.gather(first, second)
        ...     return [await first, await second]
    """

    __slots__ = ("_attempt",)

    _attempt: Attempt

    def __await__(self) -> Generator[Any, Any, T]:
        attempt = self._attempt
        if not attempt.check_caller():
            yield PARK
        while not self._is_settled():
            yield from attempt.wait(self._want()).__await__()
        return self._result()

    def is_completed(self) -> bool:
        """Return whether an await would go on at once."""
        return self._has_settled()

    def or_timeout(self, timeout: timedelta) -> DurableFuture[T]:
        """Return a future that fails with InvocationTimedOut unless this one is there in time.

        The timeout is durable: its clock starts now, and goes on while the handler is suspended. What was waited for
        is not cancelled.

        Example:
            >>> from datetime import timedelta
            >>> import holdfast
            >>> async def ask(ctx: holdfast.Context) -> str:
            ...     awakeable_id, answer = ctx.awakeable(type_hint=str)
            ...     try:
            ...         return await answer.or_timeout(timedelta(hours=1))
            ...     except TimeoutError:
            ...         return "nobody answered"
        """
        return _Timed(self, self._attempt.commands.sleep(at_ms(timeout), ""), timeout)

    @abstractmethod
    def _has_settled(self) -> bool:
        """Return whether what has been seen so far settles it."""

    def _is_settled(self) -> bool:
        """Return whether it is settled, looking further where that is cheap."""
        return self._has_settled()

    @abstractmethod
    def _want(self) -> Await:
        """Return what is still waited for."""

    @abstractmethod
    def _result(self) -> T:
        """Return or raise what it has come to."""


class NotifiedFuture(DurableFuture[T]):
    """A future on one notification."""

    __slots__ = ("_content", "_serde", "_state", "notification_id")

    def __init__(self, attempt: Attempt, notification_id: NotificationId, serde: Serde[Any] | None = None) -> None:
        self._attempt = attempt
        self.notification_id = notification_id
        self._serde = serde
        self._state = _State.PENDING
        self._content: Any = None

    def _has_settled(self) -> bool:
        return self._state is not _State.PENDING or self.notification_id in self._attempt.machine.arrivals.seen

    def _is_settled(self) -> bool:
        return self._state is not _State.PENDING or self._attempt.is_seen(self.notification_id)

    def _want(self) -> Await:
        return Await.leaf(self.notification_id)

    def _result(self) -> T:
        if self._state is _State.PENDING:
            self._settle(self._attempt.machine.take(self.notification_id))
        if self._state is _State.FAILURE:
            failure: TerminalError = self._content
            raise TerminalError(failure.message, failure.status_code, failure.metadata)
        result: T = self._content
        return result

    def _settle(self, notification: Notification) -> None:
        which = notification.WhichOneof("result")
        if which == "failure":
            failure = notification.failure
            metadata = {entry.key: entry.value for entry in failure.metadata} or None
            self._content = TerminalError(failure.message, failure.code, metadata)
            self._state = _State.FAILURE
            return
        if which == "value":
            content = notification.value.content
            self._content = content if self._serde is None else self._serde.deserialize(content)
        elif which == "invocation_id":
            self._content = notification.invocation_id
        elif which == "state_keys":
            self._content = [key.decode() for key in notification.state_keys.keys]
        self._state = _State.VALUE


class SleepFuture(NotifiedFuture[None]):
    """The end of a durable sleep.

    Example:
        >>> from datetime import timedelta
        >>> import holdfast
        >>> async def remind(ctx: holdfast.Context) -> None:
        ...     await ctx.sleep(timedelta(days=7))
    """

    __slots__ = ()


class _Callee:
    """The invocation that a call or a send has started."""

    __slots__ = ()

    _id_future: NotifiedFuture[str]

    async def invocation_id(self) -> str:
        """Return the id of the invocation."""
        return await self._id_future

    async def cancel_invocation(self) -> None:
        """Ask the invocation to stop."""
        invocation_id = await self._id_future
        self._id_future._attempt.commands.cancel(invocation_id)


class CallFuture(NotifiedFuture[T], _Callee):
    """The result of a call; also knows the invocation it started.

    Example:
        >>> import holdfast
        >>> async def ask(ctx: holdfast.Context) -> str:
        ...     call = ctx.service_call(slow_handler, "question")
        ...     ctx.set("callee", await call.invocation_id())
        ...     return await call
    """

    __slots__ = ("_id_future",)

    def __init__(self, attempt: Attempt, ids: tuple[int, int], serde: Serde[Any]) -> None:
        super().__init__(attempt, ids[1], serde)
        self._id_future = NotifiedFuture(attempt, ids[0])


class SendHandle(_Callee):
    """A message that was sent; knows the invocation it starts.

    Example:
        >>> import holdfast
        >>> async def remind(ctx: holdfast.Context) -> str:
        ...     return await ctx.service_send(send_reminder, "ticket").invocation_id()
    """

    __slots__ = ("_id_future",)

    def __init__(self, attempt: Attempt, id_completion_id: int) -> None:
        self._id_future: NotifiedFuture[str] = NotifiedFuture(attempt, id_completion_id)


class _Timed(DurableFuture[T]):
    """Another future, or the end of a sleep if that comes first."""

    __slots__ = ("_future", "_sleep_id", "_timeout")

    def __init__(self, future: DurableFuture[T], sleep_id: int, timeout: timedelta) -> None:
        self._attempt = future._attempt
        self._future = future
        self._sleep_id = sleep_id
        self._timeout = timeout

    def _has_settled(self) -> bool:
        return self._future._has_settled() or self._sleep_id in self._attempt.machine.arrivals.seen

    def _want(self) -> Await:
        return first_of([self._future._want(), Await.leaf(self._sleep_id)])

    def _result(self) -> T:
        if self._future._has_settled():
            return self._future._result()
        raise InvocationTimedOut(f"timed out after {self._timeout.total_seconds():g} seconds")


def first_of(wants: list[Await]) -> Await:
    """Return the await that the first of several settles."""
    return _joined(wants, is_all=False)


def all_of(wants: list[Await]) -> Await:
    """Return the await that needs all of several."""
    return _joined(wants, is_all=True)


def _joined(wants: list[Await], *, is_all: bool) -> Await:
    ids = [id_ for want in wants if want.is_leaf for id_ in want.ids]
    return Await(ids, [want for want in wants if not want.is_leaf], is_all=is_all)
