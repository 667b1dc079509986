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


def migrate(connection: sqlite3.Connection, version: int) -> int:
    """Bring a file of an older version as far as it can be brought; return the version it has then."""
    if version == 1:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _to_2(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return 2
    return version


def _to_2(connection: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, _TO_2.split(";"))):
        connection.execute(statement)
    rows = connection.execute("SELECT id, record FROM head").fetchall()
    for invocation_id, record in rows:
        head = decode_head(record)
        values = (head.target.handler, head.target.key, head.created_ms, invocation_id)
        connection.execute("UPDATE head SET handler = ?, key = ?, created_ms = ? WHERE id = ?", values)
    connection.execute("PRAGMA user_version=2")
