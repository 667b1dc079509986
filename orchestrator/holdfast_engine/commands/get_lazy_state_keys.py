"""GetLazyStateKeys: list the names of the key's state as of the command."""

from __future__ import annotations

from holdfast_engine.commands._checks import reads_state
from holdfast_engine.commands.rule import Answering, Rule
from holdfast_engine.wire import keys_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import GetLazyStateKeysCommand


def _answer(command: GetLazyStateKeysCommand, context: Answering) -> list[bytes]:
    completion_type = MessageType.GET_LAZY_STATE_KEYS_COMPLETION
    return [keys_completion(completion_type, command.result_completion_id, list(context.state))]


RULE = Rule(message_type=MessageType.GET_LAZY_STATE_KEYS, check=reads_state, answer=_answer)
