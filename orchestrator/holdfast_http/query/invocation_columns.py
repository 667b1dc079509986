"""How each column of the invocation tables comes about: one line per column, in words of the stock server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from holdfast_engine.ports.listing import History
from holdfast_engine.records import Awaiting, Head, Kind, LastFailure, Status
from holdfast_http.admin.journal_view import type_label
from holdfast_http.query.facts import Facts
from holdfast_protocol.frames import frame_type
from holdfast_protocol.ids import decode_invocation_id
from holdfast_protocol.messages import is_command

S = Status
# What the stock server calls where an invocation stands, in the status table and in the joined one.
STATUS_WORD = {
    S.SCHEDULED: "scheduled",
    S.QUEUED: "inboxed",
    S.READY: "invoked",
    S.RUNNING: "invoked",
    S.BACKING_OFF: "invoked",
    S.SUSPENDED: "suspended",
    S.PAUSED: "paused",
    S.COMPLETED: "completed",
}
JOINED_STATUS_WORD = {**{status: status.value for status in Status}, S.QUEUED: "pending"}

_KIND_WORD = {"service": "service", "object": "virtual_object", "workflow": "workflow"}
_COMBINATORS = {
    1: "FirstCompleted",
    2: "AllCompleted",
    3: "FirstSucceededOrAllFailed",
    4: "AllSucceededOrFirstFailed",
}
# An attempt is on its way, or will be, or has led to a pause.
_ATTEMPTED = frozenset({S.RUNNING, S.BACKING_OFF, S.PAUSED})


def partition_key(invocation_id: str) -> int:
    """Return the number that the stock server partitions by; the first 8 bytes of the id."""
    return int.from_bytes(decode_invocation_id(invocation_id)[:8], "big")


def row_of(facts: Facts, columns: Iterable[str], *, is_joined: bool) -> dict[str, Any]:
    """Return the columns of one invocation."""
    words = JOINED_STATUS_WORD if is_joined else STATUS_WORD
    row = {name: _COLUMNS[name](facts) for name in columns if name in _COLUMNS}
    row["status"] = words[facts.head.status]
    return row


def _service_ty(facts: Facts) -> str:
    if facts.service_kind is not None:
        return _KIND_WORD[facts.service_kind]
    by_kind = {Kind.STATELESS: "service", Kind.WORKFLOW: "workflow"}
    return by_kind.get(facts.head.kind, "virtual_object")


def _invoked_by(head: Head) -> str:
    if head.origin is not None:
        return "restart_as_new"
    return "service" if head.caller is not None else "ingress"


def _result(facts: Facts) -> str | None:
    if facts.outcome is None:
        return None
    return "failure" if facts.outcome.failure is not None else "success"


def _failure(facts: Facts) -> str | None:
    failure = facts.outcome.failure if facts.outcome is not None else None
    return f"[{failure.code}] {failure.message}" if failure is not None else None


def _trace_id(head: Head) -> str | None:
    parts = head.trace.parent.split("-") if head.trace is not None else []
    return parts[1] if len(parts) > 1 else None


def _at(history: History, what: str, *, is_first: bool) -> int | None:
    times = [moment.at_ms for moment in history.moments if moment.what == what]
    return None if not times else times[0] if is_first else times[-1]


def _awaiting_json(head: Head) -> str | None:
    if head.status is not S.SUSPENDED or head.awaiting is None:
        return None
    return json.dumps(_tree(head.awaiting), separators=(",", ":"))


def _tree(awaiting: Awaiting) -> dict[str, Any]:
    leaves: list[dict[str, Any]] = [{"CompletionId": each} for each in awaiting.completions]
    leaves += [{"SignalIndex": each} for each in awaiting.signals]
    leaves += [{"SignalName": each} for each in awaiting.names]
    nodes = [{"Single": leaf} for leaf in leaves] + [_tree(each) for each in awaiting.nested]
    return {_COMBINATORS.get(awaiting.combinator, "Unknown"): nodes}


def _last(field: Callable[[LastFailure], Any]) -> Callable[[Facts], Any]:
    return lambda facts: field(facts.head.last_failure) if facts.head.last_failure is not None else None


def _awaited(head: Head, field: str) -> list[int] | None:
    return list(getattr(head.awaiting, field)) if head.status is S.SUSPENDED and head.awaiting else None


_related_index = _last(lambda failure: failure.command_index)
_related_name = _last(lambda failure: failure.command_name or None)
_related_type = _last(lambda failure: None if failure.command_type is None else type_label(failure.command_type))

_COLUMNS: dict[str, Callable[[Facts], Any]] = {
    "partition_key": lambda f: partition_key(f.head.id),
    "id": lambda f: f.head.id,
    "completion_result": _result,
    "completion_failure": _failure,
    "target": lambda f: str(f.head.target),
    "target_service_name": lambda f: f.head.target.service,
    "target_service_key": lambda f: f.head.target.key,
    "target_handler_name": lambda f: f.head.target.handler,
    "target_service_ty": _service_ty,
    "scope": lambda f: f.head.target.scope,
    "limit_key": lambda f: f.head.limit_key,
    "idempotency_key": lambda f: f.head.idempotency_key,
    "invoked_by": lambda f: _invoked_by(f.head),
    "invoked_by_id": lambda f: f.head.caller.invocation_id if f.head.caller else None,
    "invoked_by_service_name": lambda f: f.caller.target.service if f.caller else None,
    "invoked_by_target": lambda f: str(f.caller.target) if f.caller else None,
    "restarted_from": lambda f: f.head.origin.invocation_id if f.head.origin else None,
    "pinned_deployment_id": lambda f: f.head.deployment_id,
    "pinned_service_protocol_version": lambda f: f.head.protocol_version,
    "trace_id": lambda f: _trace_id(f.head),
    "journal_size": lambda f: None if f.entries is None else len(f.entries),
    "journal_commands_size": lambda f: (
        None if f.entries is None else sum(is_command(frame_type(entry)) for entry in f.entries)
    ),
    "created_at": lambda f: f.head.created_ms,
    "modified_at": lambda f: f.head.modified_ms,
    "inboxed_at": lambda f: _at(f.history, "queued", is_first=True),
    "scheduled_at": lambda f: f.head.created_ms if f.head.invoke_at_ms is not None else None,
    "scheduled_start_at": lambda f: f.head.invoke_at_ms,
    "running_at": lambda f: _at(f.history, "running", is_first=True),
    "completed_at": lambda f: f.head.completed_ms,
    "completion_retention": lambda f: f.head.completion_retention_ms,
    "journal_retention": lambda f: f.head.journal_retention_ms,
    "suspended_waiting_for_completions": lambda f: _awaited(f.head, "completions"),
    "suspended_waiting_for_signals": lambda f: _awaited(f.head, "signals"),
    "suspended_waiting_future_json": lambda f: _awaiting_json(f.head),
    "in_flight": lambda f: f.head.status is Status.RUNNING,
    "retry_count": lambda f: (
        f.head.failed_attempts + (f.head.status is S.RUNNING) if f.head.status in _ATTEMPTED else None
    ),
    "last_start_at": lambda f: _at(f.history, "attempt", is_first=False),
    "last_attempt_deployment_id": lambda f: f.head.deployment_id,
    "next_retry_at": lambda f: f.head.retry_at_ms,
    "last_failure": _last(lambda failure: f"[{failure.code}] {failure.message}"),
    "last_failure_error_code": _last(lambda failure: failure.rt_code or None),
    "last_failure_related_command_index": _related_index,
    "last_failure_related_command_name": _related_name,
    "last_failure_related_command_type": _related_type,
    "last_failure_related_entry_index": _related_index,
    "last_failure_related_entry_name": _related_name,
    "last_failure_related_entry_type": _related_type,
    "why": lambda f: f.why,
}
