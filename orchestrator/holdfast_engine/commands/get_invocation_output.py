"""GetInvocationOutput: look at the outcome of an invocation without waiting."""

from __future__ import annotations

from holdfast_engine.commands._checks import invocation_named, names_invocation
from holdfast_engine.commands.attach_invocation import NOT_FOUND
from holdfast_engine.commands.rule import Answering, Rule
from holdfast_engine.wire import outcome_completion, void_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import GetInvocationOutputCommand


def _answer(command: GetInvocationOutputCommand, context: Answering) -> list[bytes]:
    outcome = context.facts.outcomes.get(invocation_named(command), NOT_FOUND)
    completion_type = MessageType.GET_INVOCATION_OUTPUT_COMPLETION
    if outcome is None:
        return [void_completion(completion_type, command.result_completion_id)]
    return [outcome_completion(completion_type, command.result_completion_id, outcome)]


RULE = Rule(
    message_type=MessageType.GET_INVOCATION_OUTPUT,
    check=names_invocation,
    answer=_answer,
    outcome_read=invocation_named,
)
