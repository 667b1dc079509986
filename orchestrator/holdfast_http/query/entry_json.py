"""Entries of a journal in the JSON that the stock server's tools read: whole, and lite, which is without values."""

from __future__ import annotations

from typing import Any

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, MessageType, is_command

# What an entry holds of its user's, and what there is only to tell entries apart.
_HEAVY = frozenset({"payload", "value", "parameter", "headers"})
_RENAMED = {"result_completion_id": "completion_id", "entry_name": "name", "idx": "signal_id"}


def entry_json(raw: bytes, message: Message, callee: str | None) -> dict[str, Any]:
    """Return an entry with all that it holds; `callee` is the invocation that a call has created."""
    name = _name_of(raw)
    if isinstance(message, pb.Notification):
        return {"Notification": _notification(name, message)}
    return {"Command": {name: _command(message, callee)}}


def entry_lite_json(raw: bytes, message: Message, callee: str | None) -> dict[str, Any]:
    """Return an entry without values."""
    name = _name_of(raw)
    if isinstance(message, pb.Notification):
        result = _result(message)
        kind = "Signal" if name == "Signal" else {"Completion": name}
        return {
            "Notification": {
                "ty": kind,
                "id": _id(message),
                "result": result if isinstance(result, str) else next(iter(result)),
            }
        }
    return {"Command": {name: _lite(_command(message, callee))}}


def _name_of(raw: bytes) -> str:
    words = MessageType(frame_type(raw)).name
    words = words if is_command(frame_type(raw)) else words.removesuffix("_COMPLETION")
    return "".join(word.capitalize() for word in words.split("_"))


def _notification(name: str, message: pb.Notification) -> dict[str, Any]:
    result = _result(message)
    if name == "Signal":
        return {"Signal": {"id": _id(message), "result": result}}
    content: dict[str, Any] = {"completion_id": message.completion_id}
    match message.WhichOneof("result"):
        case "invocation_id":
            content["invocation_id"] = message.invocation_id
        case "state_keys":
            content["state_keys"] = [key.decode("utf-8", "replace") for key in message.state_keys.keys]
        case "void" if name == "Sleep":
            pass
        case _:
            content["result"] = result
    return {"Completion": {name: content}}


def _id(message: pb.Notification) -> dict[str, Any]:
    match message.WhichOneof("id"):
        case "signal_id":
            return {"SignalIndex": message.signal_id}
        case "signal_name":
            return {"SignalName": message.signal_name}
        case _:
            return {"CompletionId": message.completion_id}


def _result(message: Any) -> Any:
    match message.WhichOneof("result"):
        case "failure":
            return {"Failure": _failure(message.failure)}
        case "value":
            return {"Success": list(message.value.content)}
        case "invocation_id":
            return "InvocationId"
        case "state_keys":
            return "StateKeys"
        case _:
            return "Void"


def _command(message: Any, callee: str | None) -> dict[str, Any]:
    match message:
        case pb.InputCommand():
            headers = [{"name": header.key, "value": header.value} for header in message.headers]
            return {"headers": headers, "payload": list(message.value.content), "name": message.name}
        case pb.OutputCommand():
            return {"result": _result(message), "name": message.name}
        case pb.GetEagerStateCommand():
            return {"key": message.key.decode("utf-8", "replace"), "result": _result(message), "name": message.name}
        case pb.CallCommand() | pb.OneWayCallCommand():
            return _call(message, callee)
        case _:
            return {**_fields(message), "name": getattr(message, "entry_name", message.name)}


def _call(message: pb.CallCommand | pb.OneWayCallCommand, callee: str | None) -> dict[str, Any]:
    place = {"name": message.service, "handler": message.handler, "scope": message.scope or None}
    target = {"VirtualObject": {**place, "key": message.key}} if message.key else {"Service": place}
    request = {
        "invocation_id": callee,
        "invocation_target": target,
        "parameter": list(message.parameter),
        "headers": [{"name": header.key, "value": header.value} for header in message.headers],
        "idempotency_key": message.idempotency_key if message.HasField("idempotency_key") else None,
    }
    content: dict[str, Any] = {"request": request}
    content["invocation_id_completion_id"] = message.invocation_id_notification_idx
    if isinstance(message, pb.CallCommand):
        content["result_completion_id"] = message.result_completion_id
    else:
        content["invoke_time"] = message.invoke_time
    return {**content, "name": message.name}


def _fields(message: Message) -> dict[str, Any]:
    shown = {}
    for descriptor, value in message.ListFields():
        shown[_RENAMED.get(descriptor.name, descriptor.name)] = _shown(descriptor.name, value)
    return shown


def _shown(name: str, value: Any) -> Any:
    match value:
        case pb.Value():
            return {"Success": list(value.content)} if name != "value" else list(value.content)
        case pb.Failure():
            return {"Failure": _failure(value)}
        case pb.Void():
            return "Void"
        case Message():
            return _fields(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case str() | bool() | int():
            return value
        case _:
            return [_shown(name, each) for each in value]


def _failure(failure: pb.Failure) -> dict[str, Any]:
    return {"code": failure.code, "message": failure.message}


def _lite(content: dict[str, Any]) -> dict[str, Any]:
    lite = {}
    request = content.get("request", {})
    for name, value in {**request, **content}.items():
        if name in _HEAVY or name == "request" or (name == "name" and not value):
            continue
        # Of a result only how it went.
        is_result = name in ("result", "completion_value", "completion_failure") and isinstance(value, dict)
        lite[name] = next(iter(value)) if is_result else value
    return lite
