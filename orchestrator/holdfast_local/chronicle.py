"""When things happened to an invocation, as a text that grows beside its record in the same row: no write more.

The journal's frames do not say when they came, and only its last failure is in the head; people want to see both. A
moment is a few characters: what it was, a number, and the milliseconds since the invocation was created. The text is
bounded, and so is the number of failures kept; nothing that decides ever reads them.
"""

from __future__ import annotations

from msgspec.msgpack import Decoder, Encoder

from holdfast_engine.ports.listing import History, Moment
from holdfast_engine.records import Head, LastFailure, Page, Status
from holdfast_local.database import Database

# About three thousand moments.
HISTORY_CHARS_MAX = 40_000
FAILURES_MAX = 100

_ENTRIES = "e"
_ATTEMPT = "a"
_LETTER_BY_STATUS = {
    Status.SCHEDULED: "D",
    Status.QUEUED: "Q",
    Status.READY: "R",
    Status.RUNNING: "X",
    Status.SUSPENDED: "S",
    Status.BACKING_OFF: "B",
    Status.PAUSED: "P",
    Status.COMPLETED: "C",
}
_WHAT_BY_LETTER = {
    _ENTRIES: "entries",
    _ATTEMPT: "attempt",
    **{letter: status.value for status, letter in _LETTER_BY_STATUS.items()},
}

_encode = Encoder().encode
_decode_failure = Decoder(LastFailure).decode


def moments_of_head(before: Head | None, after: Head, *, now_ms: int) -> str:
    """Return what a write of a head adds to its history."""
    away = now_ms - after.created_ms
    added = ""
    if before is None or before.page.count < after.page.count:
        added += f"{_ENTRIES}{after.page.count}@{away};"
    if after.status is Status.RUNNING and (before is None or before.epoch != after.epoch):
        added += f"{_ATTEMPT}{after.attempts}@{away};"
    elif before is not None and _ran_while_queued(before, after):
        added += f"{_ATTEMPT}{after.attempts}@0;"
    if before is None or before.status is not after.status:
        added += f"{_LETTER_BY_STATUS[after.status]}{after.attempts}@{away};"
    return added


def _ran_while_queued(before: Head, after: Head) -> bool:
    """Return whether an attempt ends that began when the invocation was created: it got its key at once."""
    is_over = after.status not in (Status.QUEUED, Status.READY)
    # Whoever ends or pauses it from outside raises the epoch.
    return before.status is Status.QUEUED and is_over and before.epoch == after.epoch


def moments_of_page(before: Page | None, after: Page, *, now_ms: int) -> str:
    """Return what a write of a later page adds to its history; its times are since the epoch, for it knows no other."""
    if not after.frames or (before is not None and before.count == after.count):
        return ""
    return f"{_ENTRIES}{after.base + after.count}@{now_ms};"


class Chronicle:
    """Reads the histories of an open database, and keeps the failures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note_failure(self, invocation_id: str, failure: LastFailure) -> None:
        """Remember why an attempt failed; the oldest failures go first."""
        number = "(SELECT ifnull(max(number), 0) + 1 FROM failure WHERE id = ?1)"
        statement = f"INSERT INTO failure (id, number, record) VALUES (?1, {number}, ?2)"
        self._database.write(statement, (invocation_id, _encode(failure)))
        newest = "(SELECT max(number) FROM failure WHERE id = ?1)"
        statement = f"DELETE FROM failure WHERE id = ?1 AND number <= {newest} - ?2"
        self._database.write(statement, (invocation_id, FAILURES_MAX))

    def of(self, head: Head) -> History:
        """Return the history of an invocation."""
        row = self._database.read("SELECT history FROM head WHERE id = ?", (head.id,)).fetchone()
        moments = _moments(row[0], since_ms=head.created_ms) if row is not None else []
        for (text,) in self._database.read("SELECT history FROM page WHERE id = ? ORDER BY number", (head.id,)):
            moments += _moments(text, since_ms=0)
        statement = "SELECT record FROM failure WHERE id = ? ORDER BY number"
        failures = [_decode_failure(record) for (record,) in self._database.read(statement, (head.id,))]
        # Stable: what was written together stays in the order in which it was written.
        moments.sort(key=lambda moment: moment.at_ms)
        return History(moments=tuple(moments), failures=tuple(failures))


def _moments(text: str, *, since_ms: int) -> list[Moment]:
    moments = []
    for part in text.split(";")[:-1]:
        number, _, away = part[1:].partition("@")
        moments.append(Moment(what=_WHAT_BY_LETTER[part[0]], number=int(number), at_ms=since_ms + int(away)))
    return moments
