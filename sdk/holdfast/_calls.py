"""Calling other handlers: by function or by name, waiting for the result or not, within a scope or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from holdfast._clock import at_ms
from holdfast._futures import CallFuture, SendHandle
from holdfast._handler import handler_of
from holdfast._serde import BytesSerde, Serde

if TYPE_CHECKING:
    from holdfast._attempt import Attempt

I = TypeVar("I")  # noqa: E741 - input and output, as in every signature that speaks of handlers
O = TypeVar("O")  # noqa: E741 - as above

HandlerType: TypeAlias = Callable[[Any, I], Awaitable[O]] | Callable[[Any], Awaitable[O]]
Headers: TypeAlias = Mapping[str, str] | None

_BYTES: Serde[bytes] = BytesSerde()


class Caller:
    """The six ways of calling a handler by its function.

    `service_…` calls take a handler of a service; `object_…` and `workflow_…` calls take one of an object or a
    workflow, with the key. The `…_call` form returns a future on the result; the `…_send` form returns a handle, and
    its message is delivered whatever becomes of the sender.
    """

    __slots__ = ("_attempt", "_scope")

    _attempt: Attempt
    _scope: str | None

    def _call(self, tpe: HandlerType[I, O], arg: I, **options: Any) -> CallFuture[O]:
        handler = handler_of(tpe)
        target = (handler.service_name, handler.name, handler.input_serde.serialize(arg))
        return call(self._attempt, *target, serde=handler.output_serde, scope=self._scope, **options)

    def _send(self, tpe: HandlerType[I, O], arg: I, send_delay: timedelta | None, **options: Any) -> SendHandle:
        handler = handler_of(tpe)
        target = (handler.service_name, handler.name, handler.input_serde.serialize(arg))
        return send(self._attempt, *target, send_delay=send_delay, scope=self._scope, **options)


class UnscopedCaller(Caller):
    """Calls outside of any scope, and calls by name."""

    __slots__ = ()

    def service_call(
        self, tpe: HandlerType[I, O], arg: I, idempotency_key: str | None = None, headers: Headers = None
    ) -> CallFuture[O]:
        """Call a handler of a service; await the result.

        Example:
            >>> import holdfast
            >>> payments = holdfast.Service("Payments")
            >>> @payments.handler()
            ... async def charge(ctx: holdfast.Context, amount: int) -> str:
            ...     return f"charged {amount}"
            >>> async def order(ctx: holdfast.Context) -> str:
            ...     return await ctx.service_call(charge, 20)
        """
        return self._call(tpe, arg, idempotency_key=idempotency_key, headers=headers)

    def service_send(
        self,
        tpe: HandlerType[I, O],
        arg: I,
        send_delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
    ) -> SendHandle:
        """Send a message to a handler of a service, after a delay if one is given."""
        return self._send(tpe, arg, send_delay, idempotency_key=idempotency_key, headers=headers)

    def object_call(
        self, tpe: HandlerType[I, O], key: str, arg: I, idempotency_key: str | None = None, headers: Headers = None
    ) -> CallFuture[O]:
        """Call a handler of a virtual object; await the result."""
        return self._call(tpe, arg, key=key, idempotency_key=idempotency_key, headers=headers)

    def object_send(
        self,
        tpe: HandlerType[I, O],
        key: str,
        arg: I,
        send_delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
    ) -> SendHandle:
        """Send a message to a handler of a virtual object, after a delay if one is given."""
        return self._send(tpe, arg, send_delay, key=key, idempotency_key=idempotency_key, headers=headers)

    workflow_call = object_call
    workflow_send = object_send

    def generic_call(
        self,
        service: str,
        handler: str,
        arg: bytes,
        key: str | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
        scope: str | None = None,
        limit_key: str | None = None,
    ) -> CallFuture[bytes]:
        """Call a handler by its name, with bytes; await the result's bytes.

        Example:
            >>> import holdfast
            >>> async def relay(ctx: holdfast.Context, body: bytes) -> bytes:
            ...     return await ctx.generic_call("Greeter", "greet", body)
        """
        return call(
            self._attempt,
            service,
            handler,
            _BYTES.serialize(arg),
            serde=_BYTES,
            key=key,
            idempotency_key=idempotency_key,
            headers=headers,
            scope=scope,
            limit_key=limit_key,
        )

    def generic_send(
        self,
        service: str,
        handler: str,
        arg: bytes,
        key: str | None = None,
        send_delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
        scope: str | None = None,
        limit_key: str | None = None,
    ) -> SendHandle:
        """Send a message to a handler by its name, with bytes."""
        return send(
            self._attempt,
            service,
            handler,
            _BYTES.serialize(arg),
            send_delay=send_delay,
            key=key,
            idempotency_key=idempotency_key,
            headers=headers,
            scope=scope,
            limit_key=limit_key,
        )


class ScopedContext(Caller):
    """Calls within one scope, from `ctx.scope(...)`; a limit key names the limit they count against.

    Example:
        >>> import holdfast
        >>> async def order(ctx: holdfast.Context, tenant: str) -> None:
        ...     await ctx.scope(tenant).service_call(charge, 20, limit_key="payments")
    """

    __slots__ = ()

    def __init__(self, attempt: Attempt, scope: str) -> None:
        self._attempt = attempt
        self._scope = scope

    def service_call(
        self,
        tpe: HandlerType[I, O],
        arg: I,
        limit_key: str | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
    ) -> CallFuture[O]:
        """Call a handler of a service within this scope."""
        return self._call(tpe, arg, limit_key=limit_key, idempotency_key=idempotency_key, headers=headers)

    def service_send(
        self,
        tpe: HandlerType[I, O],
        arg: I,
        send_delay: timedelta | None = None,
        limit_key: str | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
    ) -> SendHandle:
        """Send a message to a handler of a service within this scope."""
        return self._send(tpe, arg, send_delay, limit_key=limit_key, idempotency_key=idempotency_key, headers=headers)

    def object_call(
        self,
        tpe: HandlerType[I, O],
        key: str,
        arg: I,
        limit_key: str | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
    ) -> CallFuture[O]:
        """Call a handler of a virtual object within this scope."""
        return self._call(tpe, arg, key=key, limit_key=limit_key, idempotency_key=idempotency_key, headers=headers)

    def object_send(
        self,
        tpe: HandlerType[I, O],
        key: str,
        arg: I,
        send_delay: timedelta | None = None,
        limit_key: str | None = None,
        idempotency_key: str | None = None,
        headers: Headers = None,
    ) -> SendHandle:
        """Send a message to a handler of a virtual object within this scope."""
        options = {"limit_key": limit_key, "idempotency_key": idempotency_key, "headers": headers}
        return self._send(tpe, arg, send_delay, key=key, **options)

    workflow_call = object_call
    workflow_send = object_send


def call(
    attempt: Attempt, service: str, handler: str, parameter: bytes, *, serde: Serde[Any], **options: Any
) -> CallFuture[Any]:
    """Call a handler; `options` are the optional fields of a call target."""
    return CallFuture(attempt, attempt.commands.call(service, handler, parameter, **options), serde)


def send(
    attempt: Attempt, service: str, handler: str, parameter: bytes, *, send_delay: timedelta | None, **options: Any
) -> SendHandle:
    """Send a message to a handler, after a delay if one is given."""
    invoke_at_ms = at_ms(send_delay) if send_delay else 0
    return SendHandle(attempt, attempt.commands.send(service, handler, parameter, invoke_at_ms, **options))
