"""CompleteAwakeable: resolve or reject an awakeable by its public id."""

from __future__ import annotations

from holdfast_engine.commands.rule import CommandRefused, Performing, Rule
from holdfast_engine.effects import Notify
from holdfast_engine.records import Head, Outcome
from holdfast_engine.registry import Registry
from holdfast_engine.signals import awakeable_note
from holdfast_engine.wire import failure_from_wire
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_awakeable_id
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import CompleteAwakeableCommand


def _check(command: CompleteAwakeableCommand, head: Head, registry: Registry) -> None:
    try:
        decode_awakeable_id(command.awakeable_id)
    except DecodeError as error:
        raise CommandRefused(str(error), rt_code="RT0017") from error


def _effect(command: CompleteAwakeableCommand, index: int, context: Performing) -> Notify:
    if command.WhichOneof("result") == "failure":
        outcome = Outcome(failure=failure_from_wire(command.failure))
    else:
        outcome = Outcome(value=command.value.content)
    invocation_id, note = awakeable_note(command.awakeable_id, outcome)
    return Notify(invocation_id=invocation_id, note=note)


RULE = Rule(message_type=MessageType.COMPLETE_AWAKEABLE, check=_check, effect=_effect)
