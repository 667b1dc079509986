"""What is known of an invocation for its row, read no further than the columns of the query need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast_engine.errors import UnknownInvocation
from holdfast_engine.ports.listing import History
from holdfast_engine.wire import outcome_of

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_engine.records import Head, Outcome
    from holdfast_http.query.budget import Budget

_NEED_OUTCOME = frozenset({"completion_result", "completion_failure"})
_NEED_JOURNAL = frozenset({"journal_size", "journal_commands_size"})
_NEED_CALLER = frozenset({"invoked_by_service_name", "invoked_by_target"})
_NEED_HISTORY = frozenset({"inboxed_at", "running_at", "last_start_at"})
_NO_HISTORY = History(moments=(), failures=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One invocation; `entries` is None unless a column needs the journal, and so on."""

    head: Head
    service_kind: str | None
    entries: Sequence[bytes] | None
    outcome: Outcome | None
    caller: Head | None
    history: History
    why: str | None


async def facts_of(engine: Engine, head: Head, columns: Collection[str], budget: Budget) -> Facts:
    """Read what the columns need."""
    asked = frozenset(columns)
    service = engine.registry.service(head.target.service)
    is_outcome_apart = head.outcome is None and head.outcome_index is not None and bool(asked & _NEED_OUTCOME)
    entries = None
    if asked & _NEED_JOURNAL or is_outcome_apart:
        entries = await _entries(engine, head)
        budget.take("sys_invocation", size=sum(map(len, entries)))
    outcome = head.outcome
    if is_outcome_apart and entries and head.outcome_index is not None and head.outcome_index < len(entries):
        outcome = outcome_of(entries[head.outcome_index])
    is_called = head.caller is not None and bool(asked & _NEED_CALLER)
    return Facts(
        head=head,
        service_kind=service.kind if service is not None else None,
        entries=entries,
        outcome=outcome,
        caller=await engine.peek(head.caller.invocation_id) if is_called and head.caller else None,
        history=await engine.history(head.id) if asked & _NEED_HISTORY else _NO_HISTORY,
        why=await _why(engine, head, entries, budget) if "why" in asked else None,
    )


async def _entries(engine: Engine, head: Head) -> Sequence[bytes]:
    try:
        return (await engine.describe(head.id)).entries
    except UnknownInvocation:
        # Its retention has ended since it was listed.
        return ()


async def _why(engine: Engine, head: Head, entries: Sequence[bytes] | None, budget: Budget) -> str | None:
    if head.completed_ms is not None:
        return None
    if not budget.take_reason():
        return "not computed for so many rows: ask for fewer"
    reason = await engine.why(head, entries=entries)
    return reason.sentence if reason is not None else None
