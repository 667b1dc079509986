"""The client that waits: calling handlers from outside, in code without an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from holdfast import _exchange as exchanges
from holdfast._exchange import Answer, CallOptions, Exchange, HandlerType, I, O, Options, SendOptions, Sent
from holdfast._serde import Serde
from holdfast.errors import IngressUnreachable

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class Client:
    """Calls handlers from outside: from scripts, tests and services that are no handlers themselves.

    Handlers are named by their functions, so input and output are checked by your type checker; the services must be
    registered where the ingress is. Errors are a `ClientError`: `InvocationFailed` when the handler failed,
    `NotCompleted`, `NotFound` and `IngressUnreachable` for what their names say.

    Example:
        >>> import holdfast
        >>> greeter = holdfast.Service("Greeter")
        >>> @greeter.handler()
        ... async def greet(ctx: holdfast.Context, name: str) -> str:
        ...     return f"Hello {name}"
        >>> def greet_ada() -> str:
        ...     with holdfast.Client("http://localhost:8080") as client:
        ...         return client.service_call(greet, "Ada", idempotency_key="ada-1")
    """

    def __init__(
        self,
        ingress: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Make a client of an ingress.

        Args:
            ingress: The URL of the ingress.
            headers: Headers of every request, such as an authorization.
            timeout: How long to wait for each answer; without one, as long as it takes.
            transport: What carries the requests instead of a connection; for tests.
        """
        httpx = exchanges.http_library()
        waiting = httpx.Timeout(
            timeout.total_seconds() if timeout is not None else None, connect=exchanges.CONNECT_WITHIN_S
        )
        self._http = httpx.Client(base_url=ingress, headers=headers, timeout=waiting, transport=transport)
        self._scope: str | None = None

    def scope(self, scope: str) -> Self:
        """Return this client for one scope: all that it calls has its identity, and its limits, in there.

        It shares the connections of this one, and needs no closing of its own.
        """
        scoped = object.__new__(type(self))
        scoped._http, scoped._scope = self._http, scope
        return scoped

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def service_call(self, tpe: HandlerType[I, O], arg: I, **options: Unpack[CallOptions]) -> O:
        """Call a handler of a service, and return what it returned."""
        return self._do(exchanges.call(tpe, arg, self._options(None, options)))

    def service_send(self, tpe: HandlerType[I, O], arg: I, **options: Unpack[SendOptions]) -> Sent[O]:
        """Send to a handler of a service; the invocation is durable when this returns."""
        return self._do(exchanges.send(tpe, arg, self._options(None, options)))

    def object_call(self, tpe: HandlerType[I, O], key: str, arg: I, **options: Unpack[CallOptions]) -> O:
        """Call a handler of a virtual object, and return what it returned."""
        return self._do(exchanges.call(tpe, arg, self._options(key, options)))

    def object_send(self, tpe: HandlerType[I, O], key: str, arg: I, **options: Unpack[SendOptions]) -> Sent[O]:
        """Send to a handler of a virtual object; the invocation is durable when this returns."""
        return self._do(exchanges.send(tpe, arg, self._options(key, options)))

    def workflow_call(self, tpe: HandlerType[I, O], key: str, arg: I, **options: Unpack[CallOptions]) -> O:
        """Run a workflow, or call one of its other handlers, and return what it returned."""
        return self._do(exchanges.call(tpe, arg, self._options(key, options)))

    def workflow_submit(self, tpe: HandlerType[I, O], key: str, arg: I, **options: Unpack[SendOptions]) -> Sent[O]:
        """Start a workflow's run; one that was started before is met, and `is_new` is false."""
        return self._do(exchanges.send(tpe, arg, self._options(key, options)))

    def workflow_attach(self, tpe: HandlerType[I, O], key: str) -> O:
        """Wait for the run of a workflow, named by its handler and its key."""
        return self._do(exchanges.workflow_result("attach", tpe, key, scope=self._scope))

    def workflow_output(self, tpe: HandlerType[I, O], key: str) -> O:
        """Return what a workflow's run returned.

        Raises:
            NotCompleted: It has not ended yet.
        """
        return self._do(exchanges.workflow_result("output", tpe, key, scope=self._scope))

    def generic_call(
        self, service: str, handler: str, arg: bytes, key: str | None = None, **options: Unpack[CallOptions]
    ) -> bytes:
        """Call a handler by its name, with bytes, and return bytes."""
        return self._do(exchanges.call_by_name(service, handler, arg, self._options(key, options)))

    def generic_send(
        self, service: str, handler: str, arg: bytes, key: str | None = None, **options: Unpack[SendOptions]
    ) -> Sent[bytes]:
        """Send bytes to a handler by its name."""
        return self._do(exchanges.send_by_name(service, handler, arg, self._options(key, options)))

    def attach(self, sent: Sent[O]) -> O:
        """Wait for what was sent, and return what it returned."""
        return self._do(exchanges.attach(sent))

    def output(self, sent: Sent[O]) -> O:
        """Return what an invocation returned, without waiting.

        Raises:
            NotCompleted: It has not ended yet.
        """
        return self._do(exchanges.output(sent))

    def resolve_awakeable(self, awakeable_id: str, value: I, serde: Serde[I] = exchanges.JSON) -> None:
        """Give an awakeable its value; only the first completion counts."""
        self._do(exchanges.resolve_awakeable(awakeable_id, serde.serialize(value)))

    def reject_awakeable(self, awakeable_id: str, message: str) -> None:
        """Fail an awakeable: whoever waits for it gets a TerminalError with this message."""
        self._do(exchanges.reject_awakeable(awakeable_id, message))

    def _do(self, exchange: Exchange[T]) -> T:
        httpx = exchanges.http_library()
        try:
            answer = self._http.request(
                exchange.method, exchange.path, content=exchange.body, headers=dict(exchange.headers)
            )
        except httpx.TransportError as error:
            raise IngressUnreachable(f"{self._http.base_url} did not answer: {error!r}") from error
        return exchange.read(Answer(status=answer.status_code, body=answer.content))

    def _options(self, key: str | None, options: CallOptions) -> Options:
        return Options(key=key, scope=self._scope, **options)
