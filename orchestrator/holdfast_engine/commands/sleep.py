"""Sleep: wake up not before a time. Its completion is stored by nobody: it follows from the command and the clock."""

from __future__ import annotations

from holdfast_engine.commands.rule import Performing, Rule
from holdfast_engine.effects import ArmTimer
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import SleepCommand


def _effect(command: SleepCommand, index: int, context: Performing) -> ArmTimer | None:
    if ("c", command.result_completion_id) in context.journal.resolved:
        return None
    return ArmTimer(wake_at_ms=command.wake_up_time)


RULE = Rule(message_type=MessageType.SLEEP, effect=_effect)
