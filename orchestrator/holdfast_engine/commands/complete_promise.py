"""CompletePromise: give a promise of the workflow its outcome; the first one wins, later ones get a 409."""

from __future__ import annotations

from holdfast_engine.commands._checks import in_workflow
from holdfast_engine.commands.rule import Performing, Rule
from holdfast_engine.effects import CompletePromise
from holdfast_engine.records import Outcome
from holdfast_engine.wire import failure_from_wire
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import CompletePromiseCommand


def _effect(command: CompletePromiseCommand, index: int, context: Performing) -> CompletePromise | None:
    if ("c", command.result_completion_id) in context.journal.resolved:
        return None
    if command.WhichOneof("completion") == "completion_failure":
        outcome = Outcome(failure=failure_from_wire(command.completion_failure))
    else:
        outcome = Outcome(value=command.completion_value.content)
    return CompletePromise(
        name=command.key,
        outcome=outcome,
        by=f"{context.head.id}.{index}",
        completion_id=command.result_completion_id,
    )


RULE = Rule(message_type=MessageType.COMPLETE_PROMISE, check=in_workflow, effect=_effect)
