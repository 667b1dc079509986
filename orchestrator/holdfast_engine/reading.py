"""Reading what a handler gives: frames in order, each checked, until a terminator says how the attempt ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from holdfast_engine.commands import RULES, CommandRefused
from holdfast_engine.commands.rule import Rule, anywhere
from holdfast_engine.journal import type_of
from holdfast_engine.ports import Answer, AttemptFailure
from holdfast_engine.records import Awaiting, Head
from holdfast_engine.registry import Registry
from holdfast_engine.state import STATE_WRITES
from holdfast_engine.state_room import StateRoom
from holdfast_engine.wire import awaiting_from_suspension
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.messages import Message, MessageType, decode, encode_notification

# What a handler with a checkpoint may complete by itself: its steps, and sleeps whose time has come.
_OWN_COMPLETIONS = frozenset({int(MessageType.RUN_COMPLETION), int(MessageType.SLEEP_COMPLETION)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The attempt can go no further until something of this arrives."""

    awaiting: Awaiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The handler has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed; the fields besides `failure` are what the SDK said about it."""

    failure: AttemptFailure
    command_index: int | None = None
    command_name: str = ""
    command_type: int | None = None
    delay_ms: int | None = None
    behavior: int = pb.Error.RETRY
    is_complete_answer: bool = False


Terminator = Suspended | Done | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An answer in the journal's form, and how it ended."""

    entries: tuple[bytes, ...]
    terminator: Terminator


def read_answer(
    answer: Answer, *, head: Head, registry: Registry, room: StateRoom | None, has_checkpoint: bool
) -> Reading:
    """Turn the frames of an answer into entries and a terminator."""
    entries: list[bytes] = []
    for frame in answer.frames:
        try:
            terminator = _read_frame(frame, entries, head, registry, room, has_checkpoint)
        except CommandRefused as error:
            return Reading(entries=tuple(entries), terminator=_refused_command(error))
        except (DecodeError, ValueError) as error:
            return Reading(entries=tuple(entries), terminator=refused(f"the handler answered: {error}", "RT0012"))
        if terminator is not None:
            return Reading(entries=tuple(entries), terminator=terminator)
    failure = answer.failure or AttemptFailure(
        code=500, message="the answer ends without End, Suspension or Error: unexpected end of stream", rt_code="RT0012"
    )
    return Reading(entries=tuple(entries), terminator=Failed(failure=failure))


def admit(
    frames: Sequence[bytes], *, head: Head, registry: Registry, room: StateRoom | None
) -> tuple[list[bytes], Failed | None]:
    """Return the frames of a checkpoint that may become entries, and why the next one may not.

    What an answer may not hold must not get into the journal by the other way either: there it could not be taken back,
    and every later attempt would stumble over it.
    """
    entries: list[bytes] = []
    for frame in frames:
        kind = type_of(frame)
        rule = RULES.get(kind)
        try:
            if rule is not None and (rule.check is not anywhere or kind in STATE_WRITES):
                _check(rule, decode(frame), head, registry, room)
        except CommandRefused as error:
            return entries, _refused_command(error)
        except DecodeError as error:
            return entries, refused(f"the handler stored: {error}", "RT0012")
        if rule is None and kind not in _OWN_COMPLETIONS:
            return entries, refused(f"the handler stored a frame of type 0x{kind:04X}", "RT0012")
        entries.append(frame)
    return entries, None


def _check(rule: Rule, command: Message, head: Head, registry: Registry, room: StateRoom | None) -> None:
    rule.check(command, head, registry)
    if room is not None and rule.message_type in STATE_WRITES:
        room.take(command)


def _refused_command(error: CommandRefused) -> Failed:
    failed = refused(str(error), error.rt_code)
    if not error.is_final:
        return failed
    return replace(failed, failure=replace(failed.failure, code=413), behavior=pb.Error.FAIL)


def _read_frame(
    frame: bytes,
    entries: list[bytes],
    head: Head,
    registry: Registry,
    room: StateRoom | None,
    has_checkpoint: bool,
) -> Terminator | None:
    kind = type_of(frame)
    rule = RULES.get(kind)
    if rule is not None:
        _check(rule, decode(frame), head, registry, room)
        entries.append(frame)
        return None
    if kind == MessageType.PROPOSE_RUN_COMPLETION:
        entries.append(_run_notification(frame))
        return None
    if has_checkpoint and kind in _OWN_COMPLETIONS:
        entries.append(frame)
        return None
    if kind == MessageType.AWAITING_ON:
        return None
    if kind == MessageType.END:
        return Done()
    if kind == MessageType.SUSPENSION:
        suspension = decode(frame)
        assert isinstance(suspension, pb.Suspension)
        return Suspended(awaiting=awaiting_from_suspension(suspension))
    if kind == MessageType.ERROR:
        return _failed(frame)
    name = MessageType(kind).name if kind in MessageType.__members__.values() else f"type 0x{kind:04X}"
    raise DecodeError(f"a frame of {name}, which a handler may not send")


def _run_notification(frame: bytes) -> bytes:
    proposal = decode(frame)
    assert isinstance(proposal, pb.ProposeRunCompletion)
    completion = pb.Notification(completion_id=proposal.result_completion_id)
    if proposal.WhichOneof("result") == "failure":
        completion.failure.CopyFrom(proposal.failure)
    else:
        completion.value.CopyFrom(pb.Value(content=proposal.value))
    return encode_notification(MessageType.RUN_COMPLETION, completion)


def _failed(frame: bytes) -> Failed:
    error = decode(frame)
    assert isinstance(error, pb.Error)
    rt_code = {570: "RT0016", 571: "RT0012"}.get(error.code, "RT0007")
    failure = AttemptFailure(code=error.code, message=error.message, rt_code=rt_code, stacktrace=error.stacktrace)
    return Failed(
        failure=failure,
        command_index=error.related_command_index if error.HasField("related_command_index") else None,
        command_name=error.related_command_name,
        command_type=error.related_command_type if error.HasField("related_command_type") else None,
        delay_ms=error.next_retry_delay if error.HasField("next_retry_delay") else None,
        behavior=error.behavior,
        is_complete_answer=True,
    )


def refused(message: str, rt_code: str) -> Failed:
    """Return the failure of an attempt that did what it may not."""
    failure = AttemptFailure(code=500, message=message, rt_code=rt_code)
    return Failed(failure=failure, is_complete_answer=True)
