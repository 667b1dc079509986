"""GetLazyState: read one value that was not sent along; answered from the state as of the command."""

from __future__ import annotations

from holdfast_engine.commands._checks import reads_state
from holdfast_engine.commands.rule import Answering, Rule
from holdfast_engine.records import Outcome
from holdfast_engine.wire import outcome_completion, void_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import GetLazyStateCommand


def _answer(command: GetLazyStateCommand, context: Answering) -> list[bytes]:
    value = context.state.get(command.key.decode(errors="replace"))
    completion_type = MessageType.GET_LAZY_STATE_COMPLETION
    if value is None:
        return [void_completion(completion_type, command.result_completion_id)]
    return [outcome_completion(completion_type, command.result_completion_id, Outcome(value=value))]


RULE = Rule(message_type=MessageType.GET_LAZY_STATE, check=reads_state, answer=_answer)
