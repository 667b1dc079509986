"""The SQLite file: one connection, batched commits, and a barrier that waits for the disk.

Everything runs on the event loop's thread: a statement on a warm page cache costs microseconds, a hop to a thread
tens of them. The first write of a batch opens a transaction; it is committed a moment later, or as soon as somebody
waits at the barrier. A commit in WAL mode with `synchronous=NORMAL` is one write to the page cache: from then on the
batch survives `kill -9`. That it survives a power cut takes an fsync of the WAL file, which blocks, so a thread does it
for all commits made so far; `flushed` waits for that thread. SQLite itself syncs the WAL before it copies pages from
there into the database file, so the file is consistent at every moment.

Statements see what is staged. That is sound because batches become durable in order: whoever acted on a staged
write passes the barrier only after it, and a crash loses a suffix of what happened, never something in the middle.

A commit that fails (a full disk) leaves the process ahead of its file. There is no way back from that but to stop: the
file holds all that was ever acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from holdfast_engine.errors import StoreUnreachable
from holdfast_local.migration import migrate

SCHEMA_VERSION = 3

# How long a batch nobody waits for may stay open; long enough to gather, short enough to bound what a crash loses.
_COMMIT_AFTER_S = 0.005
# The WAL is copied back into the database file when about this much was written to it. That is counted, because the
# file's length says nothing: once all of it is copied, SQLite writes it from the beginning without making it shorter.
_CHECKPOINT_BYTES = 16 * 1024 * 1024
# What a changed row costs in the WAL beside its own bytes: a page, though rows that change together may share it.
_ROW_BYTES = 4096
_CACHE_KIB = 64 * 1024

_SCHEMA = """
CREATE TABLE head (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, service TEXT NOT NULL, handler TEXT NOT NULL, key TEXT,
    created_ms INTEGER NOT NULL, expires_ms INTEGER, unsettled INTEGER NOT NULL, record BLOB NOT NULL,
    history TEXT NOT NULL
);
CREATE INDEX head_unfinished ON head (id) WHERE status <> 'completed' OR unsettled;
CREATE INDEX head_expires ON head (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX head_created ON head (created_ms, id, service);
CREATE INDEX head_active ON head (created_ms, id) WHERE status <> 'completed';
CREATE INDEX head_key ON head (key, created_ms, id) WHERE key IS NOT NULL;
CREATE TABLE page (
    id TEXT, number INTEGER, record BLOB NOT NULL, history TEXT NOT NULL, PRIMARY KEY (id, number)
) WITHOUT ROWID;
CREATE TABLE failure (id TEXT, number INTEGER, record BLOB NOT NULL, PRIMARY KEY (id, number)) WITHOUT ROWID;
CREATE TABLE note (id TEXT, arrival INTEGER, name TEXT, frame BLOB NOT NULL, PRIMARY KEY (id, name)) WITHOUT ROWID;
CREATE TABLE lock (key TEXT PRIMARY KEY, is_busy INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX lock_busy ON lock (key) WHERE is_busy;
CREATE TABLE wait (key TEXT, ticket INTEGER, id TEXT NOT NULL, PRIMARY KEY (key, ticket)) WITHOUT ROWID;
CREATE TABLE state (key TEXT, name TEXT, value BLOB NOT NULL, PRIMARY KEY (key, name)) WITHOUT ROWID;
CREATE TABLE promise (key TEXT, name TEXT, record BLOB NOT NULL, PRIMARY KEY (key, name)) WITHOUT ROWID;
CREATE TABLE deployment (id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE permit (scope TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE permit_line (
    scope TEXT, since_ms INTEGER, id TEXT, limit_key TEXT, PRIMARY KEY (scope, since_ms, id)
) WITHOUT ROWID;
CREATE TABLE rules (one INTEGER PRIMARY KEY, record BLOB NOT NULL);
"""


class Database:
    """An open database file, or one in memory that is gone with the process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._is_dirty = False
        self._committed = 0
        self._synced = 0
        self._is_syncing = False
        self._written = 0
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._requests: SimpleQueue[int | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._broken: StoreUnreachable | None = None
        self.on_failure: Callable[[StoreUnreachable], None] | None = None

    def open(self) -> None:
        """Open or create the file; call it on the event loop that will use it.

        Raises:
            StoreUnreachable: The file is no Holdfast database, is damaged, of a newer version, or cannot be written.
        """
        self._loop = asyncio.get_running_loop()
        try:
            self._connection = self._connect()
        except sqlite3.Error as error:
            raise StoreUnreachable(
                f"{self._path} cannot be used as Holdfast's database: {error}; move it away or use another --data-dir"
            ) from error
        if self._path is not None:
            self._thread = threading.Thread(target=self._sync_forever, name="holdfast-fsync", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """Commit, sync and close."""
        if self._connection is None:
            return
        if self._broken is None:
            await self.flushed()
        if self._thread is not None:
            self._requests.put(None)
            await asyncio.to_thread(self._thread.join)
        if self._timer is not None:
            self._timer.cancel()
        self._connection.close()
        self._connection = None

    def read(self, statement: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run a query; it sees what is staged."""
        if self._broken is not None:
            raise self._broken
        assert self._connection is not None, "the database is not open"
        try:
            return self._connection.execute(statement, parameters)
        except sqlite3.Error as error:
            raise self._fail(error) from error

    def write(self, statement: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Stage a change."""
        if not self._is_dirty:
            self._begin()
        self._written += _ROW_BYTES + sum([len(value) for value in parameters if isinstance(value, bytes)])
        return self.read(statement, parameters)

    async def flushed(self) -> None:
        """Return once all that is staged or committed is on disk."""
        if self._broken is not None:
            raise self._broken
        target = self._committed + 1 if self._is_dirty else self._committed
        if target <= self._synced:
            return
        assert self._loop is not None
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((target, waiter))
        if self._is_dirty:
            # Soon, not now: what else is ready to run in this turn of the loop joins the batch.
            self._schedule(0)
        else:
            self._request_sync()
        await waiter

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path or ":memory:", isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
        elif (version := migrate(connection, version)) != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"its schema version is {version}, and this Holdfast knows {SCHEMA_VERSION}")
        return connection

    def _begin(self) -> None:
        self._is_dirty = True
        self.read("BEGIN IMMEDIATE")
        self._schedule(_COMMIT_AFTER_S)

    def _schedule(self, delay_s: float) -> None:
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, self._commit) if delay_s else self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        self._timer = None
        if not self._is_dirty or self._broken is not None:
            return
        try:
            self.read("COMMIT")
        except StoreUnreachable:
            return
        self._is_dirty = False
        self._committed += 1
        if self._path is None:
            self._on_synced(self._committed)
        elif self._waiters:
            self._request_sync()

    def _request_sync(self) -> None:
        if not self._is_syncing and self._committed > self._synced:
            self._is_syncing = True
            self._requests.put(self._committed)

    def _on_synced(self, commit: int) -> None:
        self._is_syncing = False
        self._synced = commit
        while self._waiters and self._waiters[0][0] <= commit:
            waiter = self._waiters.popleft()[1]
            if not waiter.done():
                waiter.set_result(None)
        if self._waiters and not self._is_dirty:
            self._request_sync()

    def _fail(self, error: Exception) -> StoreUnreachable:
        """Stop for good: the file is behind what this process believes."""
        self._broken = StoreUnreachable(f"the database {self._path or 'in memory'} failed: {error}")
        while self._waiters:
            waiter = self._waiters.popleft()[1]
            if not waiter.done():
                waiter.set_exception(self._broken)
        if self.on_failure is not None:
            self.on_failure(self._broken)
        return self._broken

    def _sync_forever(self) -> None:
        """Fsync on request, in a thread of its own; now and then copy the WAL back."""
        assert self._path is not None
        assert self._loop is not None
        wal = os.open(f"{self._path}-wal", os.O_RDWR)
        copied = 0
        try:
            while (commit := self._requests.get()) is not None:
                try:
                    os.fsync(wal)
                    written = self._written
                    if written - copied > _CHECKPOINT_BYTES:
                        self._checkpoint()
                        copied = written
                except (OSError, sqlite3.Error) as error:
                    self._loop.call_soon_threadsafe(self._fail, error)
                    return
                self._loop.call_soon_threadsafe(self._on_synced, commit)
        finally:
            os.close(wal)

    def _checkpoint(self) -> None:
        """Copy what no reader holds back into the file, from a connection of this thread's own."""
        assert self._path is not None
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()
