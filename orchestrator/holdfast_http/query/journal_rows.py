"""Rows of one invocation's journal, and of what happened to it beside its journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from holdfast_engine.ports.listing import History
from holdfast_engine.records import Head, LastFailure, Status
from holdfast_http.admin.journal_view import journal_json, type_label
from holdfast_http.query.entry_json import entry_json, entry_lite_json
from holdfast_http.query.invocation_columns import partition_key
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, decode, is_command

# The layout of entries since the stock server's journal of commands and notifications.
_JOURNAL_VERSION = 2


def journal_rows(invocation_id: str, entries: Sequence[bytes], history: History) -> list[dict[str, Any]]:
    """Return the rows of a journal."""
    rows = []
    for shown, raw in zip(journal_json(entries), entries, strict=True):
        message = _read(raw)
        callee = shown.get("callee")
        row = {
            "partition_key": partition_key(invocation_id),
            "id": invocation_id,
            "index": shown["index"],
            "entry_type": shown["type"],
            "name": shown.get("name", "" if is_command(frame_type(raw)) else None),
            "completed": shown.get("completed"),
            "raw": raw,
            "raw_length": len(raw),
            "version": _JOURNAL_VERSION,
            "appended_at": appended_ms(history, shown["index"]),
        }
        if message is not None:
            row["entry_json"] = _dumped(entry_json(raw, message, callee))
            row["entry_lite_json"] = _dumped(entry_lite_json(raw, message, callee))
        match message:
            case pb.CallCommand() | pb.OneWayCallCommand():
                row["invoked_id"] = callee
                row["invoked_target"] = shown.get("target")
            case pb.SleepCommand():
                row["sleep_wakeup_at"] = min(message.wake_up_time, 2**63 - 1)
            case pb.GetPromiseCommand() | pb.PeekPromiseCommand() | pb.CompletePromiseCommand():
                row["promise_name"] = message.key
        rows.append(row)
    return rows


def appended_ms(history: History, index: int) -> int | None:
    """Return when an entry came, as far as it is remembered."""
    for moment in history.moments:
        if moment.what == "entries" and moment.number > index:
            return moment.at_ms
    return None


def event_rows(head: Head, history: History) -> list[dict[str, Any]]:
    """Return the failures of an invocation's attempts, and its pause."""
    failures = history.failures or ((head.last_failure,) if head.last_failure is not None else ())
    events = [("TransientError", failure.at_ms, _error(failure)) for failure in failures]
    if head.status is Status.PAUSED:
        last = {"last_failure": _error(failures[-1])} if failures else {}
        events.append(("Paused", head.modified_ms, last))
    return [
        {
            "partition_key": partition_key(head.id),
            "id": head.id,
            "after_journal_entry_index": _last_index(history, at_ms),
            "appended_at": at_ms,
            "event_type": kind,
            "event_json": json.dumps({"ty": kind, **content}, ensure_ascii=False),
        }
        for kind, at_ms, content in events
    ]


def _last_index(history: History, at_ms: int) -> int:
    known = [moment.number for moment in history.moments if moment.what == "entries" and moment.at_ms <= at_ms]
    return max(known, default=1) - 1


def _error(failure: LastFailure) -> dict[str, Any]:
    shape = {
        "error_code": failure.code,
        "error_message": failure.message,
        "error_stacktrace": failure.stacktrace or None,
        "restate_doc_error_code": failure.rt_code or None,
        "related_command_index": failure.command_index,
        "related_command_name": failure.command_name or None,
        "related_command_type": None if failure.command_type is None else type_label(failure.command_type),
    }
    return {name: value for name, value in shape.items() if value is not None}


def _dumped(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _read(raw: bytes) -> Message | None:
    try:
        return decode(raw)
    except DecodeError:
        return None
