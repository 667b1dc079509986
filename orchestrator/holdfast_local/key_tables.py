"""Locks, queues, state and promises in SQLite; like the journal's tables, atomic because nothing is awaited inside."""

from __future__ import annotations

from dataclasses import replace

from holdfast_engine import key_operations
from holdfast_engine.key_operations import NEVER_USED
from holdfast_engine.ports import Keyed, Ticket
from holdfast_engine.records import KeyRef, Lock, Outcome, Promise, Sink, StateWrites
from holdfast_local.codec import decode_lock, decode_promise, encode
from holdfast_local.database import Database
from holdfast_local.meter import Meter

# The lock item without state: key, counters and holder with short attribute names.
_LOCK_OVERHEAD_BYTES = 100
_WAIT_BYTES = 90
# State up to here lives inside the lock item; larger values get items of their own (design section 7).
_INLINE_STATE_BYTES = 1024 - _LOCK_OVERHEAD_BYTES

_SEPARATOR = "\x1f"


def key_text(key: KeyRef) -> str:
    """Return a key as one column: scope, service and key, none of which can hold the separator unescaped."""
    parts = (key.scope or "", key.service, key.key)
    return _SEPARATOR.join(part.replace("\x1e", "\x1e0").replace(_SEPARATOR, "\x1e1") for part in parts)


def key_from_text(text: str) -> KeyRef:
    """Return the key a column stands for."""
    scope, service, key = (
        part.replace("\x1e1", _SEPARATOR).replace("\x1e0", "\x1e") for part in text.split(_SEPARATOR)
    )
    return KeyRef(service=service, key=key, scope=scope or None)


class KeyTables:
    """The key half of the embedded store."""

    def __init__(self, database: Database, meter: Meter) -> None:
        self._database = database
        self._meter = meter

    async def keyed(self, key: KeyRef, *, with_state: bool) -> Keyed:
        """Return lock and state."""
        text = key_text(key)
        state = self._state(text) if with_state else {}
        self._meter.read(_LOCK_OVERHEAD_BYTES + _state_bytes(state))
        return Keyed(lock=self._lock(text), state=state)

    async def enter_free(self, key: KeyRef, invocation_id: str) -> Keyed | None:
        """Take a free key."""
        text = key_text(key)
        lock = key_operations.enter_free(self._lock(text), invocation_id)
        state = self._state(text)
        self._put_lock(text, lock, state)
        return Keyed(lock=lock, state=state) if lock is not None else None

    async def take_ticket(self, key: KeyRef) -> Ticket | None:
        """Draw a ticket."""
        text = key_text(key)
        lock = self._lock(text)
        after = key_operations.take_ticket(lock)
        self._put_lock(text, after, None)
        return Ticket(number=lock.next, lock=after) if after is not None else None

    async def put_wait(self, key: KeyRef, *, ticket: int, invocation_id: str) -> None:
        """Say whose ticket it is."""
        statement = "INSERT OR REPLACE INTO wait (key, ticket, id) VALUES (?, ?, ?)"
        self._database.write(statement, (key_text(key), ticket, invocation_id))
        self._meter.wrote(_WAIT_BYTES)

    async def waits(self, key: KeyRef, *, from_ticket: int, limit: int) -> tuple[tuple[int, str], ...]:
        """Return waiters in order."""
        statement = "SELECT ticket, id FROM wait WHERE key = ? AND ticket >= ? ORDER BY ticket LIMIT ?"
        rows = tuple(self._database.read(statement, (key_text(key), from_ticket, limit)))
        self._meter.read(_WAIT_BYTES * len(rows))
        return rows

    async def claim(self, key: KeyRef, *, ticket: int, invocation_id: str) -> Keyed | None:
        """Take a key that was passed on."""
        text = key_text(key)
        lock = key_operations.claim(self._lock(text), ticket=ticket, invocation_id=invocation_id)
        state = self._state(text)
        self._put_lock(text, lock, state)
        return Keyed(lock=lock, state=state) if lock is not None else None

    async def skip(self, key: KeyRef, *, ticket: int) -> bool:
        """Pass over a ticket."""
        text = key_text(key)
        lock = key_operations.skip(self._lock(text), ticket=ticket)
        self._put_lock(text, lock, None)
        return lock is not None

    async def apply(self, key: KeyRef, *, ticket: int, invocation_id: str, index: int, writes: StateWrites) -> bool:
        """Write the holder's state."""
        text = key_text(key)
        lock = key_operations.apply(self._lock(text), ticket=ticket, invocation_id=invocation_id, index=index)
        if lock is not None:
            self._write_state(text, writes)
        self._put_lock(text, lock, None)
        return lock is not None

    async def leave(
        self, key: KeyRef, *, ticket: int, invocation_id: str, writes: StateWrites, next_holder: str | None
    ) -> Lock | None:
        """Pass the key on, with the last state."""
        text = key_text(key)
        lock = key_operations.leave(
            self._lock(text), ticket=ticket, invocation_id=invocation_id, next_holder=next_holder
        )
        if lock is not None:
            self._write_state(text, writes)
            # What DynamoDB's time to live does to the items of tickets served.
            self._database.write("DELETE FROM wait WHERE key = ? AND ticket <= ?", (text, ticket))
        self._put_lock(text, lock, None)
        return lock

    async def promise(self, key: KeyRef, name: str) -> Promise | None:
        """Return a promise."""
        promise = self._promise(key, name)
        self._meter.read(_promise_bytes(promise))
        return promise

    async def complete_promise(self, key: KeyRef, name: str, *, outcome: Outcome, by: str) -> tuple[Promise, bool]:
        """Complete a promise."""
        promise = self._promise(key, name) or Promise(outcome=None, by=None, listeners=())
        if promise.outcome is None:
            promise = replace(promise, outcome=outcome, by=by)
            self._put_promise(key, name, promise)
        self._meter.wrote(_promise_bytes(promise))
        return promise, promise.by == by

    async def listen_promise(self, key: KeyRef, name: str, listener: Sink) -> Promise | None:
        """Add a listener."""
        promise = self._promise(key, name) or Promise(outcome=None, by=None, listeners=())
        self._meter.wrote(_promise_bytes(promise))
        if promise.outcome is not None:
            return promise
        if listener not in promise.listeners:
            self._put_promise(key, name, replace(promise, listeners=(*promise.listeners, listener)))
        return None

    async def forget_key(self, key: KeyRef) -> None:
        """Drop state and promises."""
        for table in ("state", "promise"):
            self._database.write(f"DELETE FROM {table} WHERE key = ?", (key_text(key),))

    async def busy_keys(self, *, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return keys with tickets out."""
        statement = "SELECT key FROM lock WHERE is_busy AND key > ? ORDER BY key LIMIT ?"
        start = key_text(after) if after is not None else ""
        return [key_from_text(row[0]) for row in self._database.read(statement, (start, limit))]

    def _lock(self, text: str) -> Lock:
        row = self._database.read("SELECT record FROM lock WHERE key = ?", (text,)).fetchone()
        return decode_lock(row[0]) if row is not None else NEVER_USED

    def _put_lock(self, text: str, lock: Lock | None, state: dict[str, bytes] | None) -> None:
        inline = _inline_bytes(self._state(text) if state is None else state)
        self._meter.wrote(_LOCK_OVERHEAD_BYTES + inline)
        if lock is not None:
            statement = "INSERT OR REPLACE INTO lock (key, is_busy, record) VALUES (?, ?, ?)"
            self._database.write(statement, (text, lock.serving < lock.next, encode(lock)))

    def _state(self, text: str) -> dict[str, bytes]:
        return dict(self._database.read("SELECT name, value FROM state WHERE key = ?", (text,)))

    def _write_state(self, text: str, writes: StateWrites) -> None:
        if writes.clear_all:
            self._database.write("DELETE FROM state WHERE key = ?", (text,))
        for name, value in writes.values:
            if value is None:
                self._database.write("DELETE FROM state WHERE key = ? AND name = ?", (text, name))
            else:
                statement = "INSERT OR REPLACE INTO state (key, name, value) VALUES (?, ?, ?)"
                self._database.write(statement, (text, name, value))
                if len(value) > _INLINE_STATE_BYTES:
                    self._meter.wrote(len(value) + len(name) + 60)

    def _promise(self, key: KeyRef, name: str) -> Promise | None:
        statement = "SELECT record FROM promise WHERE key = ? AND name = ?"
        row = self._database.read(statement, (key_text(key), name)).fetchone()
        return decode_promise(row[0]) if row is not None else None

    def _put_promise(self, key: KeyRef, name: str, promise: Promise) -> None:
        statement = "INSERT OR REPLACE INTO promise (key, name, record) VALUES (?, ?, ?)"
        self._database.write(statement, (key_text(key), name, encode(promise)))


def _state_bytes(state: dict[str, bytes]) -> int:
    return sum(len(name) + len(value) + 1 for name, value in state.items())


def _inline_bytes(state: dict[str, bytes]) -> int:
    # A value with an item of its own leaves a pointer behind.
    return sum(
        len(name) + (len(value) if len(value) <= _INLINE_STATE_BYTES else 12) + 1 for name, value in state.items()
    )


def _promise_bytes(promise: Promise | None) -> int:
    if promise is None or promise.outcome is None:
        return 120
    return 120 + len(promise.outcome.value or b"")
