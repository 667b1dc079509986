"""GetPromise: wait for a promise of the workflow; answered at once when it is completed, else listened to."""

from __future__ import annotations

from holdfast_engine.commands._checks import in_workflow
from holdfast_engine.commands.rule import Answering, Performing, Rule
from holdfast_engine.effects import ListenPromise
from holdfast_engine.wire import outcome_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import GetPromiseCommand


def _name(command: GetPromiseCommand) -> str:
    return command.key


def _answer(command: GetPromiseCommand, context: Answering) -> list[bytes]:
    promise = context.facts.promises.get(command.key)
    if promise is None or promise.outcome is None:
        return []
    completion_type = MessageType.GET_PROMISE_COMPLETION
    return [outcome_completion(completion_type, command.result_completion_id, promise.outcome)]


def _effect(command: GetPromiseCommand, index: int, context: Performing) -> ListenPromise | None:
    if ("c", command.result_completion_id) in context.journal.resolved:
        return None
    return ListenPromise(name=command.key, completion_id=command.result_completion_id)


RULE = Rule(message_type=MessageType.GET_PROMISE, check=in_workflow, answer=_answer, effect=_effect, promise_read=_name)
