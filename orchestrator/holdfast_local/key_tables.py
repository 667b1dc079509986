"""Locks, queues, state and promises in SQLite; like the journal's tables, atomic because nothing is awaited inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from holdfast_engine import key_operations
from holdfast_engine.compact import key_of, key_text
from holdfast_engine.key_operations import NEVER_USED
from holdfast_engine.meter import Meter
from holdfast_engine.ports import Keyed, Ticket
from holdfast_engine.records import Head, KeyRef, Lock, Outcome, Promise, Sink, StateWrites, Status
from holdfast_engine.state import NO_WRITES, applied
from holdfast_engine.weights import INLINE_VALUE_BYTES_MAX, lock_bytes, promise_bytes, value_bytes, wait_bytes
from holdfast_local.codec import decode_lock, decode_promise, encode
from holdfast_local.database import Database


class KeyTables:
    """The key half of the embedded store."""

    def __init__(self, database: Database, meter: Meter, peek: Callable[[str], Head | None]) -> None:
        self._database = database
        self._meter = meter
        self._peek = peek

    async def keyed(self, key: KeyRef, *, with_state: bool) -> Keyed:
        """Return lock and state."""
        text = key_text(key)
        lock, state = self._lock(text), self._state(text) if with_state else {}
        self._meter.read(lock_bytes(key, lock, state))
        for value in state.values():
            if len(value) > INLINE_VALUE_BYTES_MAX:
                self._meter.read(value_bytes(key, value))
        return Keyed(lock=lock, state=state)

    async def enter_free(self, key: KeyRef, invocation_id: str) -> Keyed | None:
        """Take a free key."""
        text = key_text(key)
        before, state = self._lock(text), self._state(text)
        lock = key_operations.enter_free(before, invocation_id)
        self._put_lock(key, before, lock, state)
        return Keyed(lock=lock, state=state) if lock is not None else None

    async def take_ticket(self, key: KeyRef) -> Ticket | None:
        """Draw a ticket."""
        text = key_text(key)
        lock = self._lock(text)
        after = key_operations.take_ticket(lock)
        self._put_lock(key, lock, after, self._state(text))
        return Ticket(number=lock.next, lock=after) if after is not None else None

    async def put_wait(self, key: KeyRef, *, ticket: int, invocation_id: str) -> None:
        """Say whose ticket it is."""
        statement = "INSERT OR REPLACE INTO wait (key, ticket, id) VALUES (?, ?, ?)"
        self._database.write(statement, (key_text(key), ticket, invocation_id))
        self._meter.wrote(wait_bytes(key, ticket=ticket, invocation_id=invocation_id))

    async def waits(self, key: KeyRef, *, from_ticket: int, limit: int) -> tuple[tuple[int, str], ...]:
        """Return waiters in order."""
        statement = "SELECT ticket, id FROM wait WHERE key = ? AND ticket >= ? ORDER BY ticket LIMIT ?"
        rows = tuple(self._database.read(statement, (key_text(key), from_ticket, limit)))
        self._meter.read(sum([wait_bytes(key, ticket=ticket, invocation_id=owner) for ticket, owner in rows]))
        return rows

    async def claim(self, key: KeyRef, *, ticket: int, invocation_id: str) -> Keyed | None:
        """Take a key that was passed on."""
        text = key_text(key)
        before, state = self._lock(text), self._state(text)
        lock = key_operations.claim(before, ticket=ticket, invocation_id=invocation_id)
        self._put_lock(key, before, lock, state)
        return Keyed(lock=lock, state=state) if lock is not None else None

    async def skip(self, key: KeyRef, *, ticket: int) -> bool:
        """Pass over a ticket."""
        text = key_text(key)
        before = self._lock(text)
        lock = key_operations.skip(before, ticket=ticket)
        self._put_lock(key, before, lock, self._state(text))
        return lock is not None

    async def apply(self, key: KeyRef, *, ticket: int, invocation_id: str, index: int, writes: StateWrites) -> bool:
        """Write the holder's state."""
        text = key_text(key)
        before, state = self._lock(text), self._state(text)
        lock = key_operations.apply(before, ticket=ticket, invocation_id=invocation_id, index=index)
        self._put_lock(key, before, lock, state, writes=writes)
        return lock is not None

    async def leave(
        self, key: KeyRef, *, ticket: int, invocation_id: str, writes: StateWrites, next_holder: str | None
    ) -> Lock | None:
        """Pass the key on, with the last state."""
        text = key_text(key)
        before, state = self._lock(text), self._state(text)
        lock = key_operations.leave(before, ticket=ticket, invocation_id=invocation_id, next_holder=next_holder)
        self._put_lock(key, before, lock, state, writes=writes)
        return lock

    async def forget_wait(self, key: KeyRef, *, ticket: int) -> None:
        """Drop the place in the queue of a ticket that has been served."""
        statement = "DELETE FROM wait WHERE key = ? AND ticket <= ?"
        self._meter.retired(wait_bytes(key, ticket=ticket, invocation_id=""))
        self._database.write(statement, (key_text(key), ticket))

    async def promise(self, key: KeyRef, name: str) -> Promise | None:
        """Return a promise."""
        promise = self._promise(key, name)
        self._meter.read(promise_bytes(key, name, promise))
        return promise

    async def complete_promise(self, key: KeyRef, name: str, *, outcome: Outcome, by: str) -> tuple[Promise, bool]:
        """Complete a promise."""
        promise = self._promise(key, name) or Promise(outcome=None, by=None, listeners=())
        if promise.outcome is None:
            promise = replace(promise, outcome=outcome, by=by)
            self._put_promise(key, name, promise)
        self._meter.wrote(promise_bytes(key, name, promise))
        return promise, promise.by == by

    async def listen_promise(self, key: KeyRef, name: str, listener: Sink) -> Promise | None:
        """Add a listener."""
        promise = self._promise(key, name) or Promise(outcome=None, by=None, listeners=())
        self._meter.wrote(promise_bytes(key, name, promise))
        if promise.outcome is not None:
            return promise
        if listener not in promise.listeners:
            self._put_promise(key, name, replace(promise, listeners=(*promise.listeners, listener)))
        return None

    async def retire_key(self, key: KeyRef, *, expires_ms: int) -> None:
        """Do nothing: `forget_key` deletes them."""

    async def forget_key(self, key: KeyRef, *, run_id: str, nonce: str) -> None:
        """Drop state and promises, if the run is still that one."""
        run = self._peek(run_id)
        if run is None or run.nonce != nonce or run.status is not Status.COMPLETED:
            return
        for table in ("state", "promise"):
            self._database.write(f"DELETE FROM {table} WHERE key = ?", (key_text(key),))

    async def busy_keys(self, *, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return keys with tickets out."""
        statement = "SELECT key FROM lock WHERE is_busy AND key > ? ORDER BY key LIMIT ?"
        start = key_text(after) if after is not None else ""
        return [key_of(row[0]) for row in self._database.read(statement, (start, limit))]

    def _lock(self, text: str) -> Lock:
        row = self._database.read("SELECT record FROM lock WHERE key = ?", (text,)).fetchone()
        return decode_lock(row[0]) if row is not None else NEVER_USED

    def _put_lock(
        self, key: KeyRef, before: Lock, after: Lock | None, state: dict[str, bytes], *, writes: StateWrites = NO_WRITES
    ) -> None:
        """Write a lock with its state, unless the condition has failed, and bill either."""
        if after is None:
            self._meter.wrote(lock_bytes(key, before, state))
            return
        text = key_text(key)
        written = applied(state, writes)
        self._meter.wrote(max(lock_bytes(key, before, state), lock_bytes(key, after, written)))
        self._write_state(key, text, state, writes)
        statement = "INSERT OR REPLACE INTO lock (key, is_busy, record) VALUES (?, ?, ?)"
        self._database.write(statement, (text, after.serving < after.next, encode(after)))

    def _state(self, text: str) -> dict[str, bytes]:
        return dict(self._database.read("SELECT name, value FROM state WHERE key = ?", (text,)))

    def _write_state(self, key: KeyRef, text: str, state: dict[str, bytes], writes: StateWrites) -> None:
        if writes.clear_all:
            self._database.write("DELETE FROM state WHERE key = ?", (text,))
        for name, value in writes.values:
            if value is None:
                self._database.write("DELETE FROM state WHERE key = ? AND name = ?", (text, name))
            else:
                statement = "INSERT OR REPLACE INTO state (key, name, value) VALUES (?, ?, ?)"
                self._database.write(statement, (text, name, value))
        # Values with items of their own: each is put before the lock points to it, and dropped when it no longer does.
        replaced = state if writes.clear_all else {name: state[name] for name, _ in writes.values if name in state}
        for value in (*replaced.values(), *(value for _, value in writes.values if value is not None)):
            if len(value) > INLINE_VALUE_BYTES_MAX:
                self._meter.wrote(value_bytes(key, value))

    def _promise(self, key: KeyRef, name: str) -> Promise | None:
        statement = "SELECT record FROM promise WHERE key = ? AND name = ?"
        row = self._database.read(statement, (key_text(key), name)).fetchone()
        return decode_promise(row[0]) if row is not None else None

    def _put_promise(self, key: KeyRef, name: str, promise: Promise) -> None:
        statement = "INSERT OR REPLACE INTO promise (key, name, record) VALUES (?, ?, ?)"
        self._database.write(statement, (key_text(key), name, encode(promise)))
