"""What a client says to the ingress and how it reads the answer: plain values, no socket.

Both clients are shells around this: an `Exchange` is a request together with the way to read what comes back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any, Generic, TypeAlias, TypedDict, TypeVar
from urllib.parse import quote

from holdfast._handler import Handler, handler_of
from holdfast._serde import BytesSerde, JsonSerde, Serde
from holdfast.errors import ClientError, InvocationFailed, NotCompleted, NotFound, UsageError

I = TypeVar("I")  # noqa: E741 - input and output, as in every signature that speaks of handlers
O = TypeVar("O")  # noqa: E741 - as above
T = TypeVar("T")

HandlerType: TypeAlias = Callable[[Any, I], Awaitable[O]] | Callable[[Any], Awaitable[O]]

BYTES: Serde[bytes] = BytesSerde()
JSON: Serde[Any] = JsonSerde()

CONNECT_WITHIN_S = 10.0

_ACCEPTED = "Accepted"
_NOT_FOUND, _NOT_COMPLETED = 404, 470


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Generic[O]):
    """An invocation that was sent and is durable; `is_new` is false when an earlier request had made it.

    Example:
        >>> import holdfast
        >>> def remember(sent: holdfast.Sent[str]) -> str:
        ...     return sent.invocation_id
    """

    invocation_id: str
    is_new: bool
    serde: Serde[O]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the ingress answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Generic[T]):
    """One request, and how its answer is read; `read` raises what the answer stands for."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    read: Callable[[Answer], T]


def http_library() -> ModuleType:
    """Return httpx, imported when a client is made: handlers never make one, and shall not pay for it.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise UsageError("a client needs httpx: install holdfast with the extra [client]") from error
    return httpx


class CallOptions(TypedDict, total=False):
    """What a call may say beside its target and its input; a limit key needs a client with a scope."""

    idempotency_key: str | None
    headers: Mapping[str, str] | None
    limit_key: str | None


class SendOptions(CallOptions, total=False):
    """What a send may say: it starts after `send_delay`, if there is one."""

    send_delay: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one call or send, with the key and the scope of its target."""

    key: str | None
    scope: str | None
    idempotency_key: str | None = None
    headers: Mapping[str, str] | None = None
    limit_key: str | None = None
    send_delay: timedelta | None = None


def call(fn: HandlerType[I, O], arg: I, options: Options) -> Exchange[O]:
    """Call a handler."""
    handler = handler_of(fn)
    path = _target("call", handler.service_name, handler.name, options)
    return _post(path, handler.input_serde.serialize(arg), _headers(options, _accept(handler)), handler.output_serde)


def call_by_name(service: str, handler: str, arg: bytes, options: Options) -> Exchange[bytes]:
    """Call a handler by its name, with bytes."""
    return _post(_target("call", service, handler, options), arg, _headers(options, None), BYTES)


def send(fn: HandlerType[I, O], arg: I, options: Options) -> Exchange[Sent[O]]:
    """Send to a handler."""
    handler = handler_of(fn)
    path = _target("send", handler.service_name, handler.name, options) + _delay(options.send_delay)
    headers = _headers(options, _accept(handler))
    return _sending(path, handler.input_serde.serialize(arg), headers, handler.output_serde)


def send_by_name(service: str, handler: str, arg: bytes, options: Options) -> Exchange[Sent[bytes]]:
    """Send to a handler by its name, with bytes."""
    path = _target("send", service, handler, options) + _delay(options.send_delay)
    return _sending(path, arg, _headers(options, None), BYTES)


def attach(sent: Sent[O]) -> Exchange[O]:
    """Wait for an invocation."""
    return _get(f"/restate/attach/{_quoted(sent.invocation_id)}", sent.serde)


def output(sent: Sent[O]) -> Exchange[O]:
    """Ask for an invocation's outcome without waiting."""
    return _get(f"/restate/output/{_quoted(sent.invocation_id)}", sent.serde)


def workflow_result(verb: str, fn: HandlerType[Any, O], key: str, *, scope: str | None) -> Exchange[O]:
    """Attach to a workflow's run, or ask for its output."""
    handler = handler_of(fn)
    if scope is None:
        return _get(f"/restate/workflow/{handler.service_name}/{_quoted(key)}/{verb}", handler.output_serde)
    named = {"target": "workflow", "workflowName": handler.service_name, "workflowKey": key, "scope": scope}
    headers = {"content-type": "application/json"}
    return _post(f"/restate/{verb}", json.dumps(named).encode(), headers, handler.output_serde)


def resolve_awakeable(awakeable_id: str, content: bytes) -> Exchange[None]:
    """Complete an awakeable with the bytes of a value."""
    return _awakeable(awakeable_id, "resolve", content, "application/json")


def reject_awakeable(awakeable_id: str, message: str) -> Exchange[None]:
    """Fail an awakeable."""
    return _awakeable(awakeable_id, "reject", message.encode(), "text/plain")


def _awakeable(awakeable_id: str, verb: str, content: bytes, content_type: str) -> Exchange[None]:
    path = f"/restate/awakeables/{_quoted(awakeable_id)}/{verb}"
    headers = {"content-type": content_type}
    return Exchange(method="POST", path=path, headers=headers, body=content, read=_checked_nothing)


def _post(path: str, body: bytes, headers: Mapping[str, str], serde: Serde[O]) -> Exchange[O]:
    return Exchange(method="POST", path=path, headers=headers, body=body, read=lambda answer: _value(answer, serde))


def _get(path: str, serde: Serde[O]) -> Exchange[O]:
    return Exchange(method="GET", path=path, headers={}, body=b"", read=lambda answer: _value(answer, serde))


def _sending(path: str, body: bytes, headers: Mapping[str, str], serde: Serde[O]) -> Exchange[Sent[O]]:
    def read(answer: Answer) -> Sent[O]:
        said = json.loads(_checked(answer).body)
        return Sent(invocation_id=said["invocationId"], is_new=said["status"] == _ACCEPTED, serde=serde)

    return Exchange(method="POST", path=path, headers=headers, body=body, read=read)


def _target(verb: str, service: str, handler: str, options: Options) -> str:
    scoped = f"scope/{_quoted(options.scope)}/" if options.scope is not None else ""
    key = f"{_quoted(options.key)}/" if options.key is not None else ""
    return f"/restate/{scoped}{verb}/{service}/{key}{handler}"


def _headers(options: Options, content_type: str | None) -> dict[str, str]:
    headers = {"content-type": content_type} if content_type is not None else {}
    headers |= {name.lower(): value for name, value in (options.headers or {}).items()}
    if options.idempotency_key is not None:
        headers["idempotency-key"] = options.idempotency_key
    if options.limit_key is not None:
        headers["x-restate-limit-key"] = options.limit_key
    return headers


def _accept(handler: Handler) -> str | None:
    if handler.arity == 1:
        return None
    return "application/octet-stream" if "*" in handler.accept else handler.accept


def _delay(send_delay: timedelta | None) -> str:
    return f"?delay={send_delay // timedelta(milliseconds=1)}ms" if send_delay else ""


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _value(answer: Answer, serde: Serde[O]) -> O:
    value: Any = serde.deserialize(_checked(answer).body)
    result: O = value
    return result


def _checked_nothing(answer: Answer) -> None:
    _checked(answer)


def _checked(answer: Answer) -> Answer:
    """Return a good answer.

    Raises:
        ClientError: It is none; the class says who refused or failed.
    """
    if answer.status < 400:
        return answer
    said = _error_json(answer)
    message = str(said.get("message") or answer.body.decode("utf-8", "replace") or f"HTTP status {answer.status}")
    if said.get("source") == "invocation":
        metadata = said.get("metadata")
        code = said.get("code")
        raise InvocationFailed(
            message,
            status_code=code if isinstance(code, int) else answer.status,
            metadata=metadata if isinstance(metadata, dict) else None,
        )
    if answer.status == _NOT_COMPLETED:
        raise NotCompleted(message, status_code=answer.status)
    if answer.status == _NOT_FOUND:
        raise NotFound(message, status_code=answer.status)
    raise ClientError(message, status_code=answer.status)


def _error_json(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
