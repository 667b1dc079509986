"""AttachInvocation: wait for the outcome of an invocation somebody else started."""

from __future__ import annotations

from holdfast_engine.commands._checks import invocation_named, names_invocation
from holdfast_engine.commands.rule import Answering, Performing, Rule
from holdfast_engine.effects import AttachTo
from holdfast_engine.records import Failure, Outcome
from holdfast_engine.wire import outcome_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import AttachInvocationCommand

NOT_FOUND = Outcome(failure=Failure(code=404, message="invocation not found"))


def _answer(command: AttachInvocationCommand, context: Answering) -> list[bytes]:
    outcome = context.facts.outcomes.get(invocation_named(command), NOT_FOUND)
    if outcome is None:
        return []
    completion_type = MessageType.ATTACH_INVOCATION_COMPLETION
    return [outcome_completion(completion_type, command.result_completion_id, outcome)]


def _effect(command: AttachInvocationCommand, index: int, context: Performing) -> AttachTo | None:
    if ("c", command.result_completion_id) in context.journal.resolved:
        return None
    return AttachTo(invocation_id=invocation_named(command), completion_id=command.result_completion_id)


RULE = Rule(
    message_type=MessageType.ATTACH_INVOCATION,
    check=names_invocation,
    answer=_answer,
    effect=_effect,
    outcome_read=invocation_named,
)
