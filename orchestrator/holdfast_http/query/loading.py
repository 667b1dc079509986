"""Filling the tables that a query wants: invocations and keys from the listing, the registry from memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from holdfast_engine.errors import UnknownInvocation
from holdfast_engine.ports.listing import Place, Selection
from holdfast_engine.records import Head, KeyRef, Status
from holdfast_engine.retention import is_over
from holdfast_http.query.budget import Budget, QueryRefused
from holdfast_http.query.facts import facts_of
from holdfast_http.query.invocation_columns import JOINED_STATUS_WORD, STATUS_WORD, row_of
from holdfast_http.query.journal_rows import event_rows, journal_rows
from holdfast_http.query.keyed_rows import inbox_rows, lock_rows, promise_rows, state_rows, status_rows
from holdfast_http.query.registry_rows import deployment_rows, rule_rows, service_rows

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.query.wanted import Wanted

_PAGE = 500
Rows = list[dict[str, Any]]

_OF_KEYS: dict[str, Callable[[Any, KeyRef, Any], Awaitable[Rows]]] = {
    "state": state_rows,
    "sys_inbox": inbox_rows,
    "sys_keyed_service_status": status_rows,
    "sys_locks": lock_rows,
    "sys_promise": promise_rows,
}


# Nobody holds a key without a queue, or waits for it: of these tables, keys with one have all rows.
_OF_BUSY_KEYS = frozenset({"sys_inbox", "sys_keyed_service_status", "sys_locks"})


async def load(engine: Engine, scans: list[Wanted], budget: Budget) -> Rows:
    """Return the rows of one table that any of its scans wants, each once.

    Raises:
        QueryRefused: That is more than a query may read.
    """
    rows: Rows = []
    seen: set[str] = set()
    for wanted in scans:
        if wanted.table in _OF_KEYS:
            rows += await _keyed(engine, wanted, budget, seen)
        elif wanted.table == "sys_service":
            rows = service_rows(engine.registry)
        elif wanted.table == "sys_rules":
            rows = await rule_rows(engine)
        elif wanted.table == "sys_deployment":
            rows = deployment_rows(engine.registry)
        else:
            rows += await _invocations(engine, wanted, budget, seen)
    return rows


async def _invocations(engine: Engine, wanted: Wanted, budget: Budget, seen: set[str]) -> Rows:
    rows: Rows = []
    async for head in _heads(engine, wanted, budget):
        if head.id in seen:
            continue
        seen.add(head.id)
        budget.take(wanted.table)
        await budget.turns.give_way()
        if wanted.table == "sys_journal":
            rows += await _journal(engine, head, budget)
        elif wanted.table == "sys_journal_events":
            rows += event_rows(head, await engine.history(head.id))
        elif wanted.table != "sys_invocation_state" or head.status in _LIVE:
            facts = await facts_of(engine, head, wanted.columns, budget)
            rows.append(row_of(facts, wanted.columns, is_joined=wanted.table == "sys_invocation"))
        if wanted.limit is not None and len(rows) >= wanted.limit:
            break
    return rows


_LIVE = frozenset({Status.RUNNING, Status.BACKING_OFF})


async def _journal(engine: Engine, head: Head, budget: Budget) -> Rows:
    try:
        entries = (await engine.describe(head.id)).entries
    except UnknownInvocation:
        return []
    for entry in entries:
        budget.take("sys_journal", size=len(entry))
    return journal_rows(head.id, entries, await engine.history(head.id))


async def _heads(engine: Engine, wanted: Wanted, budget: Budget) -> AsyncIterator[Head]:
    """Yield the invocations that can match; by id when ids are named, else page by page."""
    now_ms = engine.now_ms
    if (ids := wanted.values.get("id")) is not None:
        for invocation_id in ids:
            head = await engine.peek(invocation_id)
            if head is not None and not is_over(head, now_ms):
                yield head
        return
    selection = Selection(
        service=wanted.only("target_service_name"),
        key=wanted.only("target_service_key"),
        handler=wanted.only("target_handler_name"),
        statuses=_statuses(wanted),
    )
    if not engine.listing.lists_all and (selection.statuses is None or Status.COMPLETED in selection.statuses):
        raise QueryRefused(
            f"this store lists only invocations that have not ended: add `status <> 'completed'` to the query on"
            f" {wanted.table}, or name an id",
            status=400,
        )
    after: Place | None = None
    while True:
        listed = await engine.listing.invocations(selection, after=after, limit=min(_PAGE, wanted.limit or _PAGE))
        budget.look(wanted.table, listed.looked_at)
        for head in listed.heads:
            if not is_over(head, now_ms):
                yield head
        if listed.next is None:
            return
        after = listed.next


def _statuses(wanted: Wanted) -> frozenset[Status] | None:
    words = wanted.values.get("status")
    if words is None:
        return None
    word_of = JOINED_STATUS_WORD if wanted.table == "sys_invocation" else STATUS_WORD
    return frozenset(status for status in Status if word_of[status] in words)


async def _keyed(engine: Engine, wanted: Wanted, budget: Budget, seen: set[str]) -> Rows:
    rows: Rows = []
    after: KeyRef | None = None
    service, key = wanted.only("service_name"), wanted.only("service_key")
    if not engine.listing.lists_keys and wanted.table not in _OF_BUSY_KEYS and (service is None or key is None):
        message = (
            f"this store lists keys only by name: give service_name and service_key in the query on {wanted.table}"
        )
        raise QueryRefused(message, status=400)
    while page := await engine.listing.keys(service=service, key=key, after=after, limit=_PAGE):
        for ref in page:
            if str(ref) in seen:
                continue
            seen.add(str(ref))
            budget.take(wanted.table)
            await budget.turns.give_way()
            rows += await _OF_KEYS[wanted.table](engine, ref, budget)
            if wanted.limit is not None and len(rows) >= wanted.limit:
                return rows
        after = page[-1]
    return rows
