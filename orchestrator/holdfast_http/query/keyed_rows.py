"""Rows of one key: its state, who holds it, who waits for it, its promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_engine.ids import service_prefix
from holdfast_engine.records import KeyRef, Outcome

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.query.budget import Budget

Rows = list[dict[str, Any]]

# One key's queue beyond this is a number, not a list to read.
_WAITING_MAX = 10_000


async def state_rows(engine: Engine, key: KeyRef, budget: Budget) -> Rows:
    """Return a key's state, one row a name."""
    view = await engine.key_view(key, with_state=True, waiting_max=0)
    rows: Rows = []
    for name, value in sorted(view.keyed.state.items()):
        budget.take("state", size=len(value))
        rows.append(
            {
                **_named(key),
                "scope": key.scope,
                "key": name,
                "key_length": len(name.encode()),
                "value": value,
                "value_utf8": _text(value),
                "value_length": len(value),
            }
        )
    return rows


async def inbox_rows(engine: Engine, key: KeyRef, budget: Budget) -> Rows:
    """Return who waits for a key."""
    view = await engine.key_view(key, with_state=False, waiting_max=_WAITING_MAX)
    rows: Rows = []
    for ticket, invocation_id in view.waiting:
        budget.take("sys_inbox")
        await budget.turns.give_way()
        head = await engine.peek(invocation_id)
        if head is not None and head.completed_ms is None:
            rows.append({**_named(key), "id": invocation_id, "sequence_number": ticket, "created_at": head.created_ms})
    return rows


async def status_rows(engine: Engine, key: KeyRef, budget: Budget) -> Rows:  # noqa: ARG001 - one signature for all.
    """Return who holds a key."""
    view = await engine.key_view(key, with_state=False, waiting_max=0)
    holder = view.keyed.lock.holder
    return [{**_named(key), "invocation_id": holder}] if holder is not None else []


async def lock_rows(engine: Engine, key: KeyRef, budget: Budget) -> Rows:  # noqa: ARG001 - one signature for all.
    """Return who holds a key, in the words of locks."""
    view = await engine.key_view(key, with_state=False, waiting_max=0)
    holder = view.keyed.lock.holder
    if holder is None:
        return []
    name = f"{key.service}/{key.key}"
    return [{**_named(key), "scope": key.scope, "lock_name": name, "acquired_by": holder}]


async def promise_rows(engine: Engine, key: KeyRef, budget: Budget) -> Rows:
    """Return the promises of a key."""
    rows: Rows = []
    for name, promise in await engine.listing.promises(key):
        outcome = promise.outcome
        budget.take("sys_promise", size=len(outcome.value or b"") if outcome else 0)
        row = {**_named(key), "scope": key.scope, "key": name, "completed": outcome is not None}
        rows.append({**row, **(_outcome(outcome) if outcome is not None else {})})
    return rows


def _named(key: KeyRef) -> dict[str, Any]:
    number = int.from_bytes(service_prefix(key.service), "big")
    return {"partition_key": number, "service_name": key.service, "service_key": key.key}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    if outcome.failure is not None:
        return {"completion_failure": f"[{outcome.failure.code}] {outcome.failure.message}"}
    value = outcome.value or b""
    return {"completion_success_value": value, "completion_success_value_utf8": _text(value)}


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
