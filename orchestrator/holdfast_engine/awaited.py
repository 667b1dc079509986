"""What a suspended invocation waits for, read from its await tree and its journal: one record per open leaf."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from holdfast_engine.journal import leaf_of, type_of
from holdfast_engine.records import Awaiting, Head
from holdfast_engine.trees import Leaf
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import (
    CANCEL_SIGNAL_ID,
    FIRST_AWAKEABLE_SIGNAL_ID,
    decode_invocation_id,
    encode_awakeable_id,
)
from holdfast_protocol.messages import Message, decode, is_command, is_completion

# A list for people; whoever waits for a thousand things sees how many there are.
NAMED_MAX = 5


class Thing(StrEnum):
    """What kind of thing is awaited."""

    CALL = "call"
    SLEEP = "sleep"
    AWAKEABLE = "awakeable"
    SIGNAL = "signal"
    PROMISE = "promise"
    RESULT = "result"
    RUN = "run"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One open leaf of an await tree.

    `text` names it as a noun phrase. `invocation_id` is who has to act, where that is known.
    """

    thing: Thing
    text: str
    invocation_id: str | None = None
    awakeable_id: str | None = None
    until_ms: int | None = None


def awaited_of(head: Head, entries: Sequence[bytes]) -> tuple[Awaited, ...]:
    """Return what an invocation still waits for, in the order in which its handler asked."""
    if head.awaiting is None:
        return ()
    resolved = {leaf_of(frame) for frame in entries if not is_command(type_of(frame))}
    # A signal may come again: that one of the same name was used up does not answer this await.
    open_leaves = [leaf for leaf in _leaves(head.awaiting) if leaf[0] != "c" or leaf not in resolved]
    named = [leaf for leaf in open_leaves if leaf != ("s", CANCEL_SIGNAL_ID)] or open_leaves
    commands = _commands_of({int(leaf[1]) for leaf in named if leaf[0] == "c"}, entries)
    callees = _callees(entries) if commands else {}
    return tuple(_awaited(head, leaf, commands, callees) for leaf in named)


def _leaves(awaiting: Awaiting) -> Iterator[Leaf]:
    for completion_id in awaiting.completions:
        yield ("c", completion_id)
    for signal_id in awaiting.signals:
        yield ("s", signal_id)
    for name in awaiting.names:
        yield ("n", name)
    for node in awaiting.nested:
        yield from _leaves(node)


def _commands_of(completion_ids: set[int], entries: Iterable[bytes]) -> dict[int, Message]:
    """Return the commands that these completions would answer."""
    found: dict[int, Message] = {}
    for frame in entries:
        if len(found) == len(completion_ids):
            break
        if is_command(type_of(frame)) and (command := _read(frame)) is not None:
            for field in ("result_completion_id", "invocation_id_notification_idx"):
                completion_id = getattr(command, field, None)
                if completion_id in completion_ids:
                    found[completion_id] = command
    return found


def _callees(entries: Iterable[bytes]) -> dict[int, str]:
    """Return the ids of called invocations by the completion that told them."""
    callees: dict[int, str] = {}
    for frame in entries:
        if is_completion(type_of(frame)):
            message = _read(frame)
            if isinstance(message, pb.Notification) and message.WhichOneof("result") == "invocation_id":
                callees[message.completion_id] = message.invocation_id
    return callees


def _read(frame: bytes) -> Message | None:
    try:
        return decode(frame)
    except DecodeError:
        return None


def _awaited(head: Head, leaf: Leaf, commands: dict[int, Message], callees: dict[int, str]) -> Awaited:
    kind, name = leaf
    if kind == "n":
        return Awaited(thing=Thing.SIGNAL, text=f"signal {name!r}")
    number = int(name)
    if kind == "c":
        return _of_command(head, commands.get(number), callees)
    if number == CANCEL_SIGNAL_ID:
        return Awaited(thing=Thing.SIGNAL, text="a request to cancel")
    if number >= FIRST_AWAKEABLE_SIGNAL_ID:
        awakeable_id = encode_awakeable_id(decode_invocation_id(head.id), number)
        return Awaited(thing=Thing.AWAKEABLE, text=f"awakeable {awakeable_id}", awakeable_id=awakeable_id)
    return Awaited(thing=Thing.SIGNAL, text=f"signal {number}")


def _of_command(head: Head, command: Message | None, callees: dict[int, str]) -> Awaited:
    match command:
        case pb.CallCommand() | pb.OneWayCallCommand():
            return _of_call(command, callees)
        case pb.SleepCommand():
            return Awaited(thing=Thing.SLEEP, text=_named("a sleep", command.name), until_ms=command.wake_up_time)
        case pb.RunCommand():
            text = f"the result of {_named('a run', command.name)}, which no attempt has stored yet"
            return Awaited(thing=Thing.RUN, text=text)
        case pb.GetPromiseCommand():
            owner = f"{head.target.service}/{head.target.key}"
            return Awaited(thing=Thing.PROMISE, text=f"promise {command.key!r} of {owner}")
        case pb.AttachInvocationCommand() | pb.GetInvocationOutputCommand():
            return _of_result(command)
        case None:
            return Awaited(thing=Thing.ANSWER, text="the answer to a command that its journal does not hold")
        case _:
            return Awaited(
                thing=Thing.ANSWER, text=f"the answer to its {type(command).__name__.removesuffix('Command')}"
            )


def _of_call(command: pb.CallCommand | pb.OneWayCallCommand, callees: dict[int, str]) -> Awaited:
    callee = callees.get(command.invocation_id_notification_idx)
    target = "/".join(part for part in (command.service, command.key, command.handler) if part)
    text = f"the call of {target}"
    return Awaited(thing=Thing.CALL, text=f"{text} ({callee})" if callee else text, invocation_id=callee)


def _of_result(command: pb.AttachInvocationCommand | pb.GetInvocationOutputCommand) -> Awaited:
    match command.WhichOneof("target"):
        case "invocation_id":
            invocation_id = command.invocation_id
            return Awaited(thing=Thing.RESULT, text=f"the result of {invocation_id}", invocation_id=invocation_id)
        case "workflow_target":
            workflow = command.workflow_target
            text = f"the result of workflow {workflow.workflow_name}/{workflow.workflow_key}"
        case _:
            request = command.idempotent_request_target
            text = f"the result of {request.service_name}/{request.handler_name}, idempotency key"
            text = f"{text} {request.idempotency_key!r}"
    return Awaited(thing=Thing.RESULT, text=text)


def _named(noun: str, name: str) -> str:
    return f"{noun} named {name!r}" if name else noun
