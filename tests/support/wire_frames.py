"""Frames in one word each: what a scripted handler answers, and what a journal is made of."""

from __future__ import annotations

from typing import Any

from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType, encode, encode_notification

FIRST_COMPLETED = pb.Future.FIRST_COMPLETED
ALL_COMPLETED = pb.Future.ALL_COMPLETED
FIRST_SUCCEEDED_OR_ALL_FAILED = pb.Future.FIRST_SUCCEEDED_OR_ALL_FAILED
ALL_SUCCEEDED_OR_FIRST_FAILED = pb.Future.ALL_SUCCEEDED_OR_FIRST_FAILED

END = encode(pb.End())
CANCEL_SIGNAL = 1


def value(content: bytes) -> pb.Value:
    return pb.Value(content=content)


def failure(code: int, message: str) -> pb.Failure:
    return pb.Failure(code=code, message=message)


def input_(content: bytes = b"1") -> bytes:
    return encode(pb.InputCommand(value=value(content)))


def output(content: bytes = b"ok") -> bytes:
    return encode(pb.OutputCommand(value=value(content)))


def output_failure(code: int, message: str) -> bytes:
    return encode(pb.OutputCommand(failure=failure(code, message)))


def run(completion_id: int, name: str = "") -> bytes:
    return encode(pb.RunCommand(result_completion_id=completion_id, name=name))


def proposal(completion_id: int, content: bytes = b"r") -> bytes:
    return encode(pb.ProposeRunCompletion(result_completion_id=completion_id, value=content))


def run_result(completion_id: int, content: bytes = b"r") -> bytes:
    return completion(MessageType.RUN_COMPLETION, completion_id, value=value(content))


def completion(message_type: int, completion_id: int, **result: Any) -> bytes:
    return encode_notification(message_type, pb.Notification(completion_id=completion_id, **result))


def signal(signal_id: int, content: bytes = b"s") -> bytes:
    return encode_notification(MessageType.SIGNAL, pb.Notification(signal_id=signal_id, value=value(content)))


def named_signal(name: str, content: bytes = b"s") -> bytes:
    return encode_notification(MessageType.SIGNAL, pb.Notification(signal_name=name, value=value(content)))


def sleep(completion_id: int, wake_up_ms: int) -> bytes:
    return encode(pb.SleepCommand(result_completion_id=completion_id, wake_up_time=wake_up_ms))


def call(service: str, handler: str, ids: tuple[int, int], **fields: Any) -> bytes:
    """Return a Call; `ids` are the completions of the callee's id and of its result."""
    notification_id, result_id = ids
    command = pb.CallCommand(
        service=service,
        handler=handler,
        invocation_id_notification_idx=notification_id,
        result_completion_id=result_id,
        **fields,
    )
    return encode(command)


def send(service: str, handler: str, notification_id: int, **fields: Any) -> bytes:
    command = pb.OneWayCallCommand(
        service=service, handler=handler, invocation_id_notification_idx=notification_id, **fields
    )
    return encode(command)


def set_state(name: str, content: bytes) -> bytes:
    return encode(pb.SetStateCommand(key=name.encode(), value=value(content)))


def clear_state(name: str) -> bytes:
    return encode(pb.ClearStateCommand(key=name.encode()))


def clear_all_state() -> bytes:
    return encode(pb.ClearAllStateCommand())


def get_state(name: str, completion_id: int) -> bytes:
    return encode(pb.GetLazyStateCommand(key=name.encode(), result_completion_id=completion_id))


def get_state_keys(completion_id: int) -> bytes:
    return encode(pb.GetLazyStateKeysCommand(result_completion_id=completion_id))


def get_promise(name: str, completion_id: int) -> bytes:
    return encode(pb.GetPromiseCommand(key=name, result_completion_id=completion_id))


def peek_promise(name: str, completion_id: int) -> bytes:
    return encode(pb.PeekPromiseCommand(key=name, result_completion_id=completion_id))


def complete_promise(name: str, completion_id: int, content: bytes = b"p") -> bytes:
    command = pb.CompletePromiseCommand(key=name, result_completion_id=completion_id, completion_value=value(content))
    return encode(command)


def attach(completion_id: int, **target: Any) -> bytes:
    return encode(pb.AttachInvocationCommand(result_completion_id=completion_id, **target))


def get_output(completion_id: int, **target: Any) -> bytes:
    return encode(pb.GetInvocationOutputCommand(result_completion_id=completion_id, **target))


def send_signal(invocation_id: str, **signal_and_result: Any) -> bytes:
    return encode(pb.SendSignalCommand(target_invocation_id=invocation_id, **signal_and_result))


def send_cancel(invocation_id: str) -> bytes:
    return send_signal(invocation_id, idx=CANCEL_SIGNAL, void=pb.Void())


def complete_awakeable(awakeable_id: str, content: bytes = b"a") -> bytes:
    return encode(pb.CompleteAwakeableCommand(awakeable_id=awakeable_id, value=value(content)))


def suspension(*completions: int, signals: tuple[int, ...] = (CANCEL_SIGNAL,), names: tuple[str, ...] = ()) -> bytes:
    """Return a Suspension as the SDKs send it: any of what is awaited, or the cancel signal."""
    return encode(
        pb.Suspension(
            awaiting_on=pb.Future(
                waiting_completions=completions,
                waiting_signals=signals,
                waiting_named_signals=names,
                combinator_type=FIRST_COMPLETED,
            )
        )
    )


def suspension_on(tree: pb.Future) -> bytes:
    """Return a Suspension that waits for a tree."""
    return encode(pb.Suspension(awaiting_on=tree))


def flat_suspension(*completions: int, signals: tuple[int, ...] = (CANCEL_SIGNAL,)) -> bytes:
    """Return a Suspension of versions 5 and 6."""
    return encode(pb.Suspension(waiting_completions=completions, waiting_signals=signals))


def error(code: int = 500, message: str = "boom", **fields: Any) -> bytes:
    return encode(pb.Error(code=code, message=message, **fields))


RETRY, PAUSE, FAIL = pb.Error.RETRY, pb.Error.PAUSE, pb.Error.FAIL
