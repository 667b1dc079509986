"""The database file: what survives a process, how commits are gathered, and what happens when the disk says no."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast_engine.errors import StoreUnreachable
from holdfast_engine.records import Status
from holdfast_local import database as database_module
from holdfast_local.database import SCHEMA_VERSION, Database
from holdfast_local.sqlite_store import SqliteStore
from tests.conformance.store.samples import created, in_status, new_head
from tests.support.store_writer import KEY, OWNER
from tests.support.tree import ROOT

INSERT = "INSERT INTO state (key, name, value) VALUES (?, ?, ?)"
COUNT = "SELECT count(*) FROM state"


def row(number: int) -> tuple[str, str, bytes]:
    return "key", str(number), b"%d" % number


def rows_in(path: Path) -> int:
    """Return how many rows another connection sees."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(COUNT).fetchone()[0])
    finally:
        connection.close()


async def test_what_is_flushed_is_seen_by_others(tmp_path: Path) -> None:
    """Behind the barrier another connection sees what was written, and what was not written yet stays unseen."""
    path = tmp_path / "holdfast.db"
    database = Database(path)
    database.open()
    database.write(INSERT, row(1))
    assert rows_in(path) == 0
    await database.flushed()
    assert rows_in(path) == 1
    await database.close()


async def test_a_process_sees_what_it_has_staged(tmp_path: Path) -> None:
    """Reading does not wait for the disk."""
    database = Database(tmp_path / "holdfast.db")
    database.open()
    database.write(INSERT, row(1))
    assert database.read(COUNT).fetchone() == (1,)
    await database.close()


async def test_nobody_need_wait_for_a_commit(tmp_path: Path) -> None:
    """What nobody waits for is committed all the same, a moment later."""
    path = tmp_path / "holdfast.db"
    database = Database(path)
    database.open()
    database.write(INSERT, row(1))
    await asyncio.sleep(0.05)
    assert rows_in(path) == 1
    await database.close()


async def test_waiters_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many who wait at the barrier at once cost one or two syncs, not one each."""
    syncs = 0
    real = os.fsync

    def counted(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    database = Database(tmp_path / "holdfast.db")
    database.open()

    async def one(number: int) -> None:
        database.write(INSERT, row(number))
        await database.flushed()

    await asyncio.gather(*[one(number) for number in range(200)])
    assert 1 <= syncs <= 3
    await database.close()


async def test_the_barrier_is_open_when_all_is_durable(tmp_path: Path) -> None:
    """Who has nothing to wait for does not wait."""
    database = Database(tmp_path / "holdfast.db")
    database.open()
    database.write(INSERT, row(1))
    await database.flushed()
    waiting = asyncio.ensure_future(database.flushed())
    await asyncio.sleep(0)
    assert waiting.done()
    await database.close()


async def test_writes_behind_a_barrier_wait_for_the_next(tmp_path: Path) -> None:
    """A write that comes while a sync is under way is not taken for synced by it."""
    path = tmp_path / "holdfast.db"
    database = Database(path)
    database.open()
    for number in range(50):
        database.write(INSERT, row(2 * number))
        first = asyncio.ensure_future(database.flushed())
        await asyncio.sleep(0)
        database.write(INSERT, row(2 * number + 1))
        await database.flushed()
        assert rows_in(path) == 2 * number + 2
        await first
    await database.close()


async def test_a_closed_database_opens_again(tmp_path: Path) -> None:
    """Closing waits for the disk; the next process finds everything."""
    path = tmp_path / "holdfast.db"
    for number in range(3):
        database = Database(path)
        database.open()
        assert database.read(COUNT).fetchone() == (number,)
        database.write(INSERT, row(number))
        await database.close()
    await database.close()


async def test_a_store_opens_again_with_all_it_had(tmp_path: Path) -> None:
    """Heads, keys and deployments are there after a restart, and every lease is over: whoever had it is gone."""
    path = tmp_path / "holdfast.db"
    store = SqliteStore(path)
    store.open()
    heads = [await created(store, in_status(status)) for status in Status]
    await store.close()
    again = SqliteStore(path)
    again.open()
    for head in heads:
        found = await again.head(head.id)
        assert found is not None
        assert found.status is head.status
        assert found.page == head.page
        if head.status in (Status.RUNNING, Status.QUEUED):
            assert found.lease_until_ms == 0
    await again.close()


@pytest.mark.parametrize("flush_every", [1, 40])
def test_what_was_flushed_survives_a_kill(tmp_path: Path, flush_every: int) -> None:
    """After kill -9 everything is there that a barrier let through, and of the rest a beginning without gaps."""
    path = tmp_path / "holdfast.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.support.store_writer", str(path), str(flush_every)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    durable = 0
    while durable < 200:
        durable = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    rest = writer.communicate()[0].splitlines()
    durable = int(rest[-1]) if rest else durable

    async def check() -> None:
        store = SqliteStore(path)
        store.open()
        numbers = [int(note.frame) for note in await store.notes(OWNER)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= durable
        state = (await store.keyed(KEY, with_state=True)).state
        # One behind the other: the note of a number is written before its state.
        assert int(state["n"]) in (len(numbers), len(numbers) - 1)
        await store.close()

    asyncio.run(check())


async def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """A file that is no database is left alone, and the sentence says which one and what to do."""
    path = tmp_path / "holdfast.db"
    path.write_bytes(b"these are my notes, not a database" * 100)
    with pytest.raises(StoreUnreachable, match=r"holdfast\.db.*another --data-dir"):
        Database(path).open()
    assert path.read_bytes().startswith(b"these are my notes")


async def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """Neither tables of another program nor a newer version of ours is written to."""
    path = tmp_path / "holdfast.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreUnreachable, match="schema version is 0"):
        Database(path).open()
    newer = tmp_path / "newer.db"
    connection = sqlite3.connect(newer)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreUnreachable, match=f"schema version is {SCHEMA_VERSION + 1}"):
        Database(newer).open()


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A path that cannot be made is named."""
    with pytest.raises(StoreUnreachable, match="nowhere"):
        Database(tmp_path / "nowhere" / "holdfast.db").open()


def limit(database: Database) -> None:
    """Let the database file grow no further, as on a disk that is full."""
    pages = database.read("PRAGMA page_count").fetchone()[0]
    database.read(f"PRAGMA max_page_count={pages}")


def write_much(database: Database) -> None:
    for number in range(2, 1000):
        database.write(INSERT, ("key", str(number), b"x" * 1000))


async def test_a_full_disk_stops_the_store_for_good(tmp_path: Path) -> None:
    """When a write fails, whoever waits is told, nothing is acknowledged any more, and somebody is called."""
    path = tmp_path / "holdfast.db"
    database = Database(path)
    failures: list[StoreUnreachable] = []
    database.on_failure = failures.append
    database.open()
    database.write(INSERT, row(1))
    await database.flushed()
    limit(database)
    with pytest.raises(StoreUnreachable, match="full"):
        write_much(database)
    assert len(failures) == 1
    for again in (database.read, database.write):
        with pytest.raises(StoreUnreachable):
            again(COUNT)
    with pytest.raises(StoreUnreachable):
        await database.flushed()
    await database.close()
    assert rows_in(path) == 1


async def test_who_waits_for_a_commit_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that fails raises at the barrier: what it could not store is not taken for stored."""

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    database = Database(tmp_path / "holdfast.db")
    database.open()
    database.write(INSERT, row(1))
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreUnreachable, match="No space left"):
        await database.flushed()
    await database.close()


async def test_the_write_ahead_log_stays_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is written over time, the log is copied back and used from its beginning again."""
    limit = 200_000
    monkeypatch.setattr(database_module, "_CHECKPOINT_BYTES", limit)
    path = tmp_path / "holdfast.db"
    database = Database(path)
    database.open()
    replace = "INSERT OR REPLACE INTO state (key, name, value) VALUES (?, ?, ?)"
    for number in range(1500):
        database.write(replace, ("key", str(number % 50), b"x" * 900))
        await database.flushed()
    assert (tmp_path / "holdfast.db-wal").stat().st_size < 6 * limit
    await database.close()


async def test_one_in_memory_needs_no_file() -> None:
    """Without a path nothing is kept, and the barrier lets through all the same."""
    database = Database(None)
    database.open()
    database.write(INSERT, row(1))
    await database.flushed()
    assert database.read(COUNT).fetchone() == (1,)
    await database.close()


async def test_heads_beyond_the_cache_are_read_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is no longer kept decoded is the same as one that is."""
    monkeypatch.setattr("holdfast_local.journal_tables._CACHED_HEADS", 5)
    store = SqliteStore(tmp_path / "holdfast.db")
    store.open()
    heads = [await created(store, new_head()) for _ in range(30)]
    assert [await store.head(head.id) for head in heads] == heads
    await store.close()


async def test_what_is_settled_needs_no_look_and_expires(tmp_path: Path) -> None:
    """A completed invocation is found at a restart until all that follows is done, and goes only after that."""
    store = SqliteStore(tmp_path / "holdfast.db")
    store.open()
    head = await created(store, in_status(Status.COMPLETED))
    assert head.completed_ms is not None
    over_ms = head.completed_ms + head.completion_retention_ms
    assert [each.id for each in await store.unfinished(after=None, limit=10)] == [head.id]
    assert await store.expired(now_ms=over_ms, limit=10) == []
    store.settled(head.id)
    assert await store.unfinished(after=None, limit=10) == []
    assert await store.expired(now_ms=over_ms - 1, limit=10) == []
    assert [each.id for each in await store.expired(now_ms=over_ms, limit=10)] == [head.id]
    await store.close()


async def test_two_processes_do_not_share_a_file(tmp_path: Path) -> None:
    """A second process that opens a file in use is told so when it writes, and spoils nothing."""
    path = tmp_path / "holdfast.db"
    first = Database(path)
    first.open()
    first.write(INSERT, row(1))
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
    await first.close()
    assert rows_in(path) == 1
