"""An invocation as text: what it is, where it stands, and its journal as a table."""

from __future__ import annotations

import json
from typing import Any

# The rest of the columns and a value this long fit on the screens people have.
_VALUE_CHARS_MAX = 60

_FACTS = (
    ("target", "Target"),
    ("status", "Status"),
    ("attempts", "Attempts"),
    ("failed_attempts", "Failed attempts"),
    ("idempotency_key", "Idempotency key"),
    ("called_by", "Called by"),
    ("created_at", "Created"),
    ("scheduled_for", "Scheduled for"),
    ("next_attempt_at", "Next attempt"),
    ("completed_at", "Completed"),
    ("deployment_id", "Deployment"),
)
# Columns of their own.
_NOT_DETAILS = frozenset({"index", "type", "name", "completed"})


def invocation_text(invocation: dict[str, Any]) -> str:
    """Return the description that `holdfast invocations describe` prints."""
    lines = [invocation["id"], ""]
    lines += [f"  {title:<16} {invocation[name]}" for name, title in _FACTS if invocation.get(name) not in (None, 0)]
    lines += _outcome_lines(invocation.get("outcome"))
    lines += [f"  {'Now':<16} {invocation['why']}"] if "why" in invocation else []
    lines += _failure_lines(invocation.get("last_failure"))
    lines += ["", "  Journal", *_journal_lines(invocation["journal"])]
    return "\n".join(lines)


def _outcome_lines(outcome: dict[str, Any] | None) -> list[str]:
    if outcome is None:
        return []
    said = _cut(outcome["value"]) if outcome["result"] == "success" else _failure(outcome["failure"])
    return [f"  {'Outcome':<16} {outcome['result']}: {said}"]


def _failure_lines(failure: dict[str, Any] | None) -> list[str]:
    if failure is None:
        return []
    lines = [f"  {'Last failure':<16} {_failure(failure)}, at {failure['at']}"]
    if "command_type" in failure:
        name = f" {failure['command_name']!r}" if failure.get("command_name") else ""
        lines.append(
            f"  {'':<16} while at {failure['command_type']}{name}, command {failure.get('command_index', '?')}"
        )
    return lines


def _failure(failure: dict[str, Any]) -> str:
    return f"[{failure['code']}] {failure['message']}"


def _journal_lines(entries: list[dict[str, Any]]) -> list[str]:
    types = [entry["type"] for entry in entries]
    names = [entry.get("name", "") for entry in entries]
    type_width, name_width = max(map(len, types), default=0), max(map(len, names), default=0)
    return [
        f"  {entry['index']:>5}  {kind:<{type_width}}  {_mark(entry)}  {name:<{name_width}}  {_details(entry)}".rstrip()
        for entry, kind, name in zip(entries, types, names, strict=True)
    ]


def _mark(entry: dict[str, Any]) -> str:
    return "waiting" if entry.get("completed") is False else "       "


def _details(entry: dict[str, Any]) -> str:
    details = {name: value for name, value in entry.items() if name not in _NOT_DETAILS}
    return "  ".join(f"{name}={_cut(_word(value))}" for name, value in details.items())


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _VALUE_CHARS_MAX else f"{line[: _VALUE_CHARS_MAX - 1]}…"
