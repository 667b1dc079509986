"""PeekPromise: look at a promise of the workflow without waiting."""

from __future__ import annotations

from holdfast_engine.commands._checks import in_workflow
from holdfast_engine.commands.rule import Answering, Rule
from holdfast_engine.wire import outcome_completion, void_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import PeekPromiseCommand


def _name(command: PeekPromiseCommand) -> str:
    return command.key


def _answer(command: PeekPromiseCommand, context: Answering) -> list[bytes]:
    promise = context.facts.promises.get(command.key)
    completion_type = MessageType.PEEK_PROMISE_COMPLETION
    if promise is None or promise.outcome is None:
        return [void_completion(completion_type, command.result_completion_id)]
    return [outcome_completion(completion_type, command.result_completion_id, promise.outcome)]


RULE = Rule(message_type=MessageType.PEEK_PROMISE, check=in_workflow, answer=_answer, promise_read=_name)
