"""Call: invoke another handler and wait for its outcome. The callee's id is known at once."""

from __future__ import annotations

from holdfast_engine.commands._checks import calls_known_target, child_of, target_of
from holdfast_engine.commands.rule import Answering, Performing, Rule
from holdfast_engine.effects import SubmitChild
from holdfast_engine.wire import invocation_id_completion
from holdfast_protocol.messages import MessageType
from holdfast_protocol.schema_pb2 import CallCommand


def _answer(command: CallCommand, context: Answering) -> list[bytes]:
    callee_id = child_of(command, context.head, context.registry)
    completion_type = MessageType.CALL_INVOCATION_ID_COMPLETION
    return [invocation_id_completion(completion_type, command.invocation_id_notification_idx, callee_id)]


def _effect(command: CallCommand, index: int, context: Performing) -> SubmitChild | None:
    if ("c", command.result_completion_id) in context.journal.resolved:
        return None
    return SubmitChild(
        invocation_id=child_of(command, context.head, context.registry),
        target=target_of(command),
        parameter=command.parameter,
        headers=tuple((header.key, header.value) for header in command.headers),
        idempotency_key=command.idempotency_key if command.HasField("idempotency_key") else None,
        limit_key=command.limit_key if command.HasField("limit_key") else None,
        invoke_at_ms=None,
        command_id=command.invocation_id_notification_idx,
        completion_id=command.result_completion_id,
    )


RULE = Rule(message_type=MessageType.CALL, check=calls_known_target, answer=_answer, effect=_effect)
