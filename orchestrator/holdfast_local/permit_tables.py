"""Permits, lines and rules in SQLite; like the journal's tables, atomic because nothing is awaited inside."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast_engine import permits as operations
from holdfast_engine.limits import RuleBook
from holdfast_engine.limits_compact import permits_of, permits_text, rules_bytes, rules_of
from holdfast_engine.meter import Meter
from holdfast_engine.permits import NONE_OUT, Permit, Permits, Waiting
from holdfast_local.database import Database

# What an item's key and bookkeeping weigh beside its content.
_ITEM_BYTES = 120


class PermitTables:
    """The part of the embedded store that limits need."""

    def __init__(self, database: Database, meter: Meter) -> None:
        self._database = database
        self._meter = meter

    async def permits(self, scope: str) -> Permits:
        """Return the permits that are out."""
        permits = self._permits(scope)
        self._meter.read(_weight(permits))
        return permits

    async def take_permit(self, scope: str, permit: Permit, *, limits: Mapping[str, int]) -> Permits | None:
        """Give out a permit."""
        return self._put_permits(scope, operations.take(self._permits(scope), permit, limits=limits))

    async def return_permit(self, scope: str, *, invocation_id: str, epoch: int) -> Permits | None:
        """Take back a permit."""
        returned = operations.give_back(self._permits(scope), invocation_id=invocation_id, epoch=epoch)
        return self._put_permits(scope, returned)

    async def put_waiting(self, scope: str, waiting: Waiting) -> None:
        """Put an invocation into the line."""
        statement = "INSERT OR REPLACE INTO permit_line (scope, since_ms, id, limit_key) VALUES (?, ?, ?, ?)"
        row = (scope, waiting.since_ms, waiting.invocation_id, waiting.limit_key)
        self._database.write(statement, row)
        self._meter.wrote(_ITEM_BYTES)

    async def line(self, scope: str, *, after: Waiting | None, limit: int) -> tuple[Waiting, ...]:
        """Return those who stand in the line."""
        statement = (
            "SELECT since_ms, id, limit_key FROM permit_line WHERE scope = ? AND (since_ms, id) > (?, ?)"
            " ORDER BY since_ms, id LIMIT ?"
        )
        start = (after.since_ms, after.invocation_id) if after is not None else (-1, "")
        rows = self._database.read(statement, (scope, *start, limit)).fetchall()
        self._meter.read(_ITEM_BYTES * len(rows))
        return tuple(Waiting(since_ms=since, invocation_id=owner, limit_key=key) for since, owner, key in rows)

    async def forget_waiting(self, scope: str, waiting: Waiting) -> None:
        """Take an invocation out of the line."""
        statement = "DELETE FROM permit_line WHERE scope = ? AND since_ms = ? AND id = ?"
        self._database.write(statement, (scope, waiting.since_ms, waiting.invocation_id))
        self._meter.retired(_ITEM_BYTES)

    async def rules(self) -> RuleBook:
        """Return the rules."""
        row = self._database.read("SELECT record FROM rules").fetchone()
        return rules_of(row[0]) if row is not None else RuleBook()

    async def save_rules(self, book: RuleBook, *, replaces: int) -> bool:
        """Put the rules in place of those of a version."""
        if (await self.rules()).version != replaces:
            return False
        self._database.write("INSERT OR REPLACE INTO rules (one, record) VALUES (1, ?)", (rules_bytes(book),))
        return True

    def _permits(self, scope: str) -> Permits:
        row = self._database.read("SELECT record FROM permit WHERE scope = ?", (scope,)).fetchone()
        return permits_of(row[0]) if row is not None else NONE_OUT

    def _put_permits(self, scope: str, permits: Permits | None) -> Permits | None:
        self._meter.wrote(_weight(permits or NONE_OUT))
        if permits is not None:
            statement = "INSERT OR REPLACE INTO permit (scope, record) VALUES (?, ?)"
            self._database.write(statement, (scope, permits_text(permits)))
        return permits


def _weight(permits: Permits) -> int:
    return _ITEM_BYTES + len(permits_text(permits))
