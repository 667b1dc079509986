"""The tables: names, columns and types as the stock server's tools expect them, and what a query may select by.

`why` is ours: the sentence on an invocation that does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

# A column is `name` for text, else `name:type` with one of these types.
TYPES = ("bool", "bytes", "duration", "text", "texts", "time", "u32", "u32s", "u64")

_STATUS_ONLY = "partition_key:u64 id vqueue_id status completion_result completion_failure"
_TARGET = """
target target_service_name target_service_key target_handler_name target_service_ty scope limit_key idempotency_key
invoked_by invoked_by_id invoked_by_subscription_id invoked_by_service_name invoked_by_target restarted_from
pinned_deployment_id pinned_service_protocol_version:u32 trace_id journal_size:u32 journal_commands_size:u32
created_at:time created_using_restate_version modified_at:time inboxed_at:time scheduled_at:time
scheduled_start_at:time running_at:time completed_at:time completion_retention:duration journal_retention:duration
suspended_waiting_for_completions:u32s suspended_waiting_for_signals:u32s suspended_waiting_future_json
"""
_ATTEMPT = """
retry_count:u64 last_start_at:time last_attempt_deployment_id last_attempt_server next_retry_at:time last_failure
last_failure_error_code last_failure_related_command_index:u64 last_failure_related_command_name
last_failure_related_command_type last_failure_related_entry_index:u64 last_failure_related_entry_name
last_failure_related_entry_type last_awaiting_on_future_json
"""
_KEY = "partition_key:u64 scope service_name service_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: its columns with their types, and the columns of which the store can find single values."""

    columns: tuple[tuple[str, str], ...]
    selectable: frozenset[str]


def _table(columns: str, *, by: str) -> Table:
    pairs = []
    for column in columns.split():
        name, _, kind = column.partition(":")
        assert not kind or kind in TYPES, kind
        pairs.append((name, kind or "text"))
    return Table(columns=tuple(pairs), selectable=frozenset(by.split()))


# The words of both tables of invocations.
STATUS_WORDS = frozenset(
    [
        "backing-off",
        "completed",
        "inboxed",
        "invoked",
        "paused",
        "pending",
        "ready",
        "running",
        "scheduled",
        "suspended",
    ]
)
_INVOCATION_BY = "id status target_service_name target_service_key target_handler_name"

TABLES: dict[str, Table] = {
    "state": _table(
        f"{_KEY} key key_length:u64 value_utf8 value:bytes value_length:u64", by="service_name service_key"
    ),
    "sys_deployment": _table(
        "id ty endpoint created_at:time min_service_protocol_version:u32 max_service_protocol_version:u32"
        " services:texts",
        by="",
    ),
    "sys_inbox": _table(
        "partition_key:u64 service_name service_key id sequence_number:u64 created_at:time",
        by="service_name service_key",
    ),
    "sys_invocation": _table(
        f"id vqueue_id {_TARGET} {_ATTEMPT} status completion_result completion_failure why", by=_INVOCATION_BY
    ),
    "sys_invocation_state": _table(f"partition_key:u64 id in_flight:bool {_ATTEMPT}", by="id"),
    "sys_invocation_status": _table(f"{_STATUS_ONLY} {_TARGET}", by=_INVOCATION_BY),
    "sys_journal": _table(
        "partition_key:u64 id index:u32 entry_type name completed:bool invoked_id invoked_target sleep_wakeup_at:time"
        " promise_name raw:bytes raw_length:u64 version:u32 entry_json entry_lite_json appended_at:time",
        by="id",
    ),
    "sys_journal_events": _table(
        "partition_key:u64 id after_journal_entry_index:u32 appended_at:time event_type event_json", by="id"
    ),
    "sys_keyed_service_status": _table(
        "partition_key:u64 service_name service_key invocation_id", by="service_name service_key"
    ),
    "sys_locks": _table("partition_key:u64 scope lock_name acquired_at:time acquired_by", by=""),
    "sys_promise": _table(
        f"{_KEY} key completed:bool completion_success_value:bytes completion_success_value_utf8 completion_failure",
        by="service_name service_key",
    ),
    "sys_rules": _table("pattern concurrency:u32 description disabled:bool version:u32 last_modified:time", by=""),
    "sys_service": _table("name revision:u64 public:bool ty deployment_id", by=""),
}
