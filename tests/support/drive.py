"""Drives one invocation by hand through an invoker: the least an orchestrator does, with a list for a journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast_engine.ports import Invoker
from holdfast_engine.registry import Deployment
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType, decode, encode_notification, is_command
from tests.support.attempts import attempt

_ATTEMPTS_MAX = 50


@dataclass(kw_only=True)
class Driven:
    """How an invocation went: its journal behind the input, its attempts, and the Output or Error at the end."""

    journal: list[bytes] = field(default_factory=list)
    attempts: int = 0
    output: pb.OutputCommand | None = None
    error: pb.Error | None = None


async def drive(
    invoker: Invoker,
    deployment: Deployment,
    handler: str,
    payload: bytes,
    *,
    service: str = "Probe",
    key: str = "",
    version: int = 7,
    timeout_ms: int = 20_000,
) -> Driven:
    """Invoke until the invocation ends, answering runs as the protocol wants it; fails on a failed attempt."""
    driven = Driven()
    while driven.attempts < _ATTEMPTS_MAX:
        driven.attempts += 1
        request = attempt(
            service=service, handler=handler, payload=payload, key=key, version=version, entries=tuple(driven.journal)
        )
        answer = await invoker.invoke(deployment, request, checkpoint=None, timeout_ms=timeout_ms)
        assert answer.failure is None, answer.failure
        for frame in answer.frames:
            _apply(frame, driven)
        if frame_type(answer.frames[-1]) != MessageType.SUSPENSION:
            return driven
    raise AssertionError(f"{handler} did not end within {_ATTEMPTS_MAX} attempts")


def _apply(frame: bytes, driven: Driven) -> None:
    message = decode(frame)
    if is_command(frame_type(frame)):
        driven.journal.append(frame)
    match message:
        case pb.OutputCommand():
            driven.output = message
        case pb.Error():
            driven.error = message
        case pb.ProposeRunCompletion():
            driven.journal.append(encode_notification(MessageType.RUN_COMPLETION, _completion(message)))
        case _:
            pass


def _completion(proposal: pb.ProposeRunCompletion) -> pb.Notification:
    if proposal.WhichOneof("result") == "failure":
        return pb.Notification(completion_id=proposal.result_completion_id, failure=proposal.failure)
    return pb.Notification(completion_id=proposal.result_completion_id, value=pb.Value(content=proposal.value))
