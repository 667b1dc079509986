"""The embedded `Listing`: queries on the columns and indexes that heads and locks have for it.

A list is walked from the newest invocation on, `_EXAMINED_MAX` of them at a time: a page of what is rare is short and
says where it ended, rather than hold up the loop that everything else runs on.
"""

from __future__ import annotations

from typing import Any

from holdfast_engine.compact import key_of, key_text
from holdfast_engine.ports.listing import Count, History, Listed, Place, Selection
from holdfast_engine.records import Head, KeyRef, Promise, Status
from holdfast_local.chronicle import Chronicle
from holdfast_local.codec import decode_head, decode_promise
from holdfast_local.database import Database

# A window of the index is walked in about ten milliseconds.
_EXAMINED_MAX = 20_000
_COUNTED_MAX = 100_000
_SEPARATOR = "\x1f"


class SqliteListing:
    """Lists what is in an open database."""

    lists_all = True
    lists_keys = True

    def __init__(self, database: Database, chronicle: Chronicle) -> None:
        self._database = database
        self._chronicle = chronicle

    async def invocations(self, selection: Selection, *, after: Place | None, limit: int) -> Listed:
        """Return a page of invocations, newest first."""
        index, conditions, values = _conditions(selection)
        start = (after.created_ms, after.id) if after is not None else (2**62, "")
        end = self._window_end(index, conditions, values, start)
        where = " AND ".join(
            [*conditions, "(created_ms, id) < (?, ?)", "(created_ms, id) >= (?, ?)", *_rest(selection)]
        )
        statement = (
            f"SELECT record FROM head INDEXED BY {index} WHERE {where} ORDER BY created_ms DESC, id DESC LIMIT ?"
        )
        bounds = (*start, *(end or (-1, "")), *_rest_values(selection), limit)
        heads = tuple(decode_head(row[0]) for row in self._database.read(statement, (*values, *bounds)))
        if len(heads) == limit:
            end = (heads[-1].created_ms, heads[-1].id)
        next_place = Place(created_ms=end[0], id=end[1]) if end else None
        return Listed(heads=heads, next=next_place, is_whole=True, looked_at=len(heads))

    async def counts(self) -> tuple[Count, ...]:
        """Return how many there are by service and status; of a great many, only of the newest."""
        columns = (
            f"SELECT service, status FROM head INDEXED BY head_created ORDER BY created_ms DESC LIMIT {_COUNTED_MAX}"
        )
        statement = f"SELECT service, status, count(*) FROM ({columns}) GROUP BY service, status"
        rows = self._database.read(statement).fetchall()
        return tuple(Count(service=service, status=Status(status), count=count) for service, status, count in rows)

    async def keys(self, *, service: str | None, key: str | None, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return keys that were ever entered, or have promises, in the order of their texts."""
        start = key_text(after) if after is not None else ""
        found: list[KeyRef] = []
        condition, values = _key_condition(service, key)
        statement = (
            f"SELECT key FROM lock WHERE key > ? {condition} UNION SELECT key FROM promise WHERE key > ? {condition}"
        )
        for row in self._database.read(f"{statement} ORDER BY key LIMIT ?", (start, *values, start, *values, limit)):
            found.append(key_of(row[0]))
        return found

    async def promises(self, key: KeyRef) -> tuple[tuple[str, Promise], ...]:
        """Return the promises of a key."""
        rows = self._database.read("SELECT name, record FROM promise WHERE key = ? ORDER BY name", (key_text(key),))
        return tuple((name, decode_promise(record)) for name, record in rows)

    async def history(self, invocation_id: str) -> History:
        """Return what is remembered of an invocation."""
        row = self._database.read("SELECT record FROM head WHERE id = ?", (invocation_id,)).fetchone()
        return self._chronicle.of(_head(row)) if row is not None else History(moments=(), failures=())

    def _window_end(
        self, index: str, conditions: list[str], values: list[Any], start: tuple[int, str]
    ) -> tuple[int, str] | None:
        """Return where to stop looking; None when the end comes first."""
        where = " AND ".join([*conditions, "(created_ms, id) < (?, ?)"])
        statement = f"SELECT created_ms, id FROM head INDEXED BY {index} WHERE {where}"
        statement += " ORDER BY created_ms DESC, id DESC LIMIT 1 OFFSET ?"
        row = self._database.read(statement, (*values, *start, _EXAMINED_MAX - 1)).fetchone()
        return (row[0], row[1]) if row is not None else None


def _head(row: tuple[bytes]) -> Head:
    return decode_head(row[0])


def _conditions(selection: Selection) -> tuple[str, list[str], list[Any]]:
    """Return the index to walk, and what that index itself answers."""
    values: list[Any] = []
    if selection.key is not None:
        index, conditions = "head_key", ["key IS NOT NULL", "key = ?"]
        values.append(selection.key)
    elif selection.statuses is not None and Status.COMPLETED not in selection.statuses:
        index, conditions = "head_active", ["status <> 'completed'"]
    else:
        index, conditions = "head_created", []
    for bound_ms, sign in ((selection.from_ms, ">="), (selection.before_ms, "<")):
        if bound_ms is not None:
            conditions.append(f"created_ms {sign} ?")
            values.append(bound_ms)
    return index, conditions, values


def _rest(selection: Selection) -> list[str]:
    """Return what is asked of each row that the index leads to."""
    asked = [(selection.service, "service = ?"), (selection.handler, "handler = ?")]
    rest = [condition for value, condition in asked if value is not None]
    if selection.statuses is not None:
        # SQLite knows at once that nothing is in an empty list, and then refuses to walk an index of some of the rows.
        rest.append(f"status IN ({', '.join('?' * len(selection.statuses)) or 'NULL'})")
    return rest


def _rest_values(selection: Selection) -> tuple[str, ...]:
    named = [value for value in (selection.service, selection.handler) if value is not None]
    return (*named, *sorted(status.value for status in selection.statuses or ()))


def _key_condition(service: str | None, key: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition on a key's text, which is scope, service and key with separators."""
    if service is None and key is None:
        return "", ()
    if service is None:
        assert key is not None
        end = key_text(KeyRef(service="", key=key))[1:]
        return "AND substr(key, -length(?)) = ?", (end, end)
    middle = key_text(KeyRef(service=service, key=key or ""))
    if key is not None:
        return "AND (key = ? OR (key >= ' ' AND substr(key, -length(?)) = ?))", (middle, middle, middle)
    # Most keys have no scope: those are one stretch of the table, and whatever has one comes behind it.
    return "AND (key BETWEEN ? AND ? OR (key >= ' ' AND instr(key, ?) > 0))", (middle, middle + "\U0010ffff", middle)
