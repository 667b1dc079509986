"""An invocation as text: what it is, where it stands, and its journal as a table."""

from __future__ import annotations

import json
from typing import Any

from holdfast_cli.clock import local_time
from holdfast_cli.printing import harmless

# The rest of the columns and a value this long fit on the screens people have.
_VALUE_CHARS_MAX = 60
_WHOLE = 1_000_000

_FACTS = (
    ("target", "Target"),
    ("scope", "Scope"),
    ("status", "Status"),
    ("attempts", "Attempts"),
    ("failed_attempts", "Failed attempts"),
    ("idempotency_key", "Idempotency key"),
    ("called_by", "Called by"),
    ("restarted_from", "Restarted from"),
    ("created_at", "Created"),
    ("scheduled_for", "Scheduled for"),
    ("next_attempt_at", "Next attempt"),
    ("completed_at", "Completed"),
    ("deployment_id", "Deployment"),
)
# Columns of their own.
_NOT_DETAILS = frozenset({"index", "type", "name", "completed", "appended_at"})


def invocation_text(invocation: dict[str, Any], *, is_whole: bool) -> str:
    """Return the description that `holdfast invocations describe` prints."""
    chars_max = _WHOLE if is_whole else _VALUE_CHARS_MAX
    lines = [invocation["id"], ""]
    lines += [
        _fact(title, harmless(str(invocation[name]))) for name, title in _FACTS if invocation.get(name) not in (None, 0)
    ]
    outcome = invocation.get("outcome")
    lines += [] if outcome is None else [_fact("Outcome", outcome_text(outcome, chars_max=chars_max))]
    lines += [_fact("Now", harmless(invocation["why"]))] if "why" in invocation else []
    lines += _failure_lines(invocation.get("last_failure"))
    lines += ["", "  Journal", *_journal_lines(invocation["journal"], chars_max)]
    return "\n".join(lines)


def outcome_text(outcome: dict[str, Any], *, chars_max: int = _VALUE_CHARS_MAX) -> str:
    """Return how an invocation ended."""
    said = _cut(outcome["value"], chars_max) if outcome["result"] == "success" else failure_text(outcome["failure"])
    return f"{outcome['result']}: {said}"


def failure_text(failure: dict[str, Any]) -> str:
    """Return a failure's code and words."""
    return f"[{failure['code']}] {harmless(failure['message'])}"


def entry_text(entry: dict[str, Any]) -> str:
    """Return an entry of a journal on one line."""
    name = f" {harmless(entry['name'])!r}" if entry.get("name") else ""
    return f"{entry['type']}{name}  {_details(entry, _VALUE_CHARS_MAX)}".rstrip()


def _fact(title: str, text: str) -> str:
    return f"  {title:<16} {text}"


def _failure_lines(failure: dict[str, Any] | None) -> list[str]:
    if failure is None:
        return []
    lines = [_fact("Last failure", f"{failure_text(failure)}, at {failure['at']}")]
    if "command_type" in failure:
        name = f" {harmless(failure['command_name'])!r}" if failure.get("command_name") else ""
        index = failure.get("command_index", "?")
        lines.append(_fact("", f"while at {failure['command_type']}{name}, command {index}"))
    return lines


def _journal_lines(entries: list[dict[str, Any]], chars_max: int) -> list[str]:
    types = [entry["type"] for entry in entries]
    names = [harmless(entry.get("name", "")) for entry in entries]
    type_width, name_width = max(map(len, types), default=0), max(map(len, names), default=0)
    return [
        f"  {entry['index']:>5}{_time(entry)}  {kind:<{type_width}}  {_mark(entry)}  {name:<{name_width}}"
        f"  {_details(entry, chars_max)}".rstrip()
        for entry, kind, name in zip(entries, types, names, strict=True)
    ]


def _time(entry: dict[str, Any]) -> str:
    # Not every store remembers it.
    return f"  {local_time(entry['appended_at'])}" if "appended_at" in entry else ""


def _mark(entry: dict[str, Any]) -> str:
    return "waiting" if entry.get("completed") is False else "       "


def _details(entry: dict[str, Any], chars_max: int) -> str:
    details = {name: value for name, value in entry.items() if name not in _NOT_DETAILS}
    return "  ".join(f"{name}={_cut(_word(value), chars_max)}" for name, value in details.items())


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str, chars_max: int) -> str:
    line = harmless(text)
    return line if len(line) <= chars_max else f"{line[: chars_max - 1]}…"
