"""An invocation for people and tools: where it stands, when what happened, and why it does not go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_engine.wire import outcome_of
from holdfast_http.admin.journal_view import PREVIEW_CHARS_MAX, preview, type_label
from holdfast_http.durations import friendly_duration
from holdfast_http.times import rfc3339

if TYPE_CHECKING:
    from holdfast_engine.engine import Description
    from holdfast_engine.records import Awaiting, Failure, Head, LastFailure, Outcome


def invocation_json(description: Description, *, chars_max: int = PREVIEW_CHARS_MAX) -> dict[str, Any]:
    """Return an invocation without its journal; what does not apply to it is left out."""
    head, outcome = description.head, _outcome(description)
    shape = {
        "id": head.id,
        "target": str(head.target),
        "service": head.target.service,
        "key": head.target.key,
        "handler": head.target.handler,
        "scope": head.target.scope,
        "kind": head.kind.value,
        "status": head.status.value,
        "attempts": head.attempts,
        "failed_attempts": head.failed_attempts,
        "last_failure": last_failure_json(head.last_failure) if head.last_failure else None,
        "awaiting": _awaiting_json(head.awaiting) if head.awaiting else None,
        "outcome": _outcome_json(outcome, chars_max) if outcome else None,
        "called_by": head.caller.invocation_id if head.caller else None,
        "restarted_from": head.origin.invocation_id if head.origin else None,
        "idempotency_key": head.idempotency_key,
        "deployment_id": head.deployment_id,
        "protocol_version": head.protocol_version,
        **_times_json(head),
        "completion_retention": friendly_duration(head.completion_retention_ms),
        "journal_retention": friendly_duration(head.journal_retention_ms),
    }
    return {name: value for name, value in shape.items() if value is not None}


def _times_json(head: Head) -> dict[str, str | None]:
    times = {
        "created_at": head.created_ms,
        "modified_at": head.modified_ms,
        "scheduled_for": head.invoke_at_ms,
        "next_attempt_at": head.retry_at_ms,
        "completed_at": head.completed_ms,
    }
    return {name: None if at_ms is None else rfc3339(at_ms) for name, at_ms in times.items()}


def _outcome(description: Description) -> Outcome | None:
    """Return how it ended: what the head says, or the Output entry it points to, if that is still kept."""
    head, entries = description.head, description.entries
    if head.outcome is not None or head.outcome_index is None or head.outcome_index >= len(entries):
        return head.outcome
    return outcome_of(entries[head.outcome_index])


def _outcome_json(outcome: Outcome, chars_max: int) -> dict[str, Any]:
    if outcome.failure is not None:
        return {"result": "failure", "failure": _failure_json(outcome.failure)}
    return {"result": "success", "value": preview(outcome.value or b"", chars_max)}


def _failure_json(failure: Failure) -> dict[str, Any]:
    shape: dict[str, Any] = {"code": failure.code, "message": failure.message}
    return {**shape, "metadata": dict(failure.metadata)} if failure.metadata else shape


def last_failure_json(failure: LastFailure) -> dict[str, Any]:
    """Return why an attempt failed."""
    command_type = failure.command_type
    shape: dict[str, Any] = {
        "at": rfc3339(failure.at_ms),
        "code": failure.code,
        "restate_code": failure.rt_code or None,
        "message": failure.message,
        "stacktrace": failure.stacktrace or None,
        "command_index": failure.command_index,
        "command_name": failure.command_name or None,
        "command_type": None if command_type is None else type_label(command_type),
    }
    return {name: value for name, value in shape.items() if value is not None}


def _awaiting_json(awaiting: Awaiting) -> dict[str, Any]:
    shape = {
        "completions": list(awaiting.completions),
        "signals": [*awaiting.signals, *awaiting.names],
        "nested": [_awaiting_json(each) for each in awaiting.nested],
    }
    return {name: value for name, value in shape.items() if value}
