"""Bringing a database file of an older schema up to date, in the transaction that opens it."""

from __future__ import annotations

import sqlite3

from holdfast_local.codec import decode_head

# What listing needs: columns to select by, and the history beside each record.
_TO_2 = """
ALTER TABLE head ADD COLUMN handler TEXT NOT NULL DEFAULT '';
ALTER TABLE head ADD COLUMN key TEXT;
ALTER TABLE head ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN history TEXT NOT NULL DEFAULT '';
ALTER TABLE page ADD COLUMN history TEXT NOT NULL DEFAULT '';
CREATE TABLE failure (id TEXT, number INTEGER, record BLOB NOT NULL, PRIMARY KEY (id, number)) WITHOUT ROWID;
CREATE INDEX head_created ON head (created_ms, id, service);
CREATE INDEX head_active ON head (created_ms, id) WHERE status <> 'completed';
CREATE INDEX head_key ON head (key, created_ms, id) WHERE key IS NOT NULL;
"""

# What limits need.
_TO_3 = """
CREATE TABLE IF NOT EXISTS permit (scope TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS permit_line (
    scope TEXT, since_ms INTEGER, id TEXT, limit_key TEXT, PRIMARY KEY (scope, since_ms, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rules (one INTEGER PRIMARY KEY, record BLOB NOT NULL);
"""


def migrate(connection: sqlite3.Connection, version: int) -> int:
    """Bring a file of an older version as far as it can be brought; return the version it has then."""
    while (step := _STEP_BY_VERSION.get(version)) is not None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            step(connection)
            connection.execute(f"PRAGMA user_version={version + 1}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        version += 1
    return version


def _to_2(connection: sqlite3.Connection) -> None:
    _execute(connection, _TO_2)
    rows = connection.execute("SELECT id, record FROM head").fetchall()
    for invocation_id, record in rows:
        head = decode_head(record)
        values = (head.target.handler, head.target.key, head.created_ms, invocation_id)
        connection.execute("UPDATE head SET handler = ?, key = ?, created_ms = ? WHERE id = ?", values)


def _to_3(connection: sqlite3.Connection) -> None:
    _execute(connection, _TO_3)


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    # One by one: a script would commit the transaction that it is part of.
    for statement in filter(None, map(str.strip, statements.split(";"))):
        connection.execute(statement)


_STEP_BY_VERSION = {1: _to_2, 2: _to_3}
