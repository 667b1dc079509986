"""Heads, pages and notes in SQLite: each operation reads one item, asks its pure function, and writes the item back.

The process is the only one on the file (a lock on the data folder sees to that) and the loop's thread the only one that
writes, so read, decide and write is atomic as long as nothing is awaited in between: none of these functions does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count

from holdfast_engine import operations
from holdfast_engine.meter import Meter
from holdfast_engine.pages import slot_behind
from holdfast_engine.ports import FENCED, Acquired, Change, Fenced, Loaded
from holdfast_engine.records import Failure, Head, Kept, Note, Page, Sink, Slot, Status
from holdfast_engine.retention import next_expiry_ms
from holdfast_engine.weights import head_bytes, note_bytes, page_bytes
from holdfast_local.chronicle import HISTORY_CHARS_MAX, Chronicle, moments_of_head, moments_of_page
from holdfast_local.codec import decode_head, decode_page, encode
from holdfast_local.database import Database

# Heads kept decoded; far more than are active at a time, and bounded.
_CACHED_HEADS = 4096


class JournalTables:
    """The journal half of the embedded store; its methods are coroutines only because the port's are."""

    def __init__(self, database: Database, meter: Meter, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._meter = meter
        self._now_ms = now_ms
        self._chronicle = Chronicle(database)
        # With what each weighs: before a write it is what it was after the one before.
        self._cache: OrderedDict[str, tuple[Head, int]] = OrderedDict()
        self._arrivals: Iterator[int] | None = None

    async def create(self, head: Head) -> Head | None:
        """Put a head unless there is one."""
        present = self.peek(head.id)
        if present is not None:
            self._meter.wrote(self._weight(present))
            return present
        self._insert_head(head)
        self._meter.wrote(self._weight(head))
        return None

    async def succeed(self, head: Head, *, nonce: str) -> bool:
        """Put a head in the place of another."""
        present = self.peek(head.id)
        if operations.succeed(present, head=head, nonce=nonce) is None:
            self._meter.wrote(0 if present is None else self._weight(present))
            return False
        assert present is not None
        weight = self._weight(present)
        self._delete(head.id)
        self._insert_head(head)
        self._meter.wrote(max(weight, self._weight(head)))
        return True

    async def head(self, invocation_id: str) -> Head | None:
        """Return a head."""
        head = self.peek(invocation_id)
        self._meter.read(0 if head is None else self._weight(head))
        return head

    def peek(self, invocation_id: str) -> Head | None:
        """Return a head without counting a read: conditions are evaluated by the write itself."""
        cached = self._cache.get(invocation_id)
        if cached is not None:
            return cached[0]
        row = self._database.read("SELECT record FROM head WHERE id = ?", (invocation_id,)).fetchone()
        if row is None:
            return None
        head = decode_head(row[0])
        self._keep(head)
        return head

    async def load(self, invocation_id: str, *, epoch: int | None) -> Loaded | Fenced | None:
        """Return an invocation whole."""
        head = self.peek(invocation_id)
        if head is None:
            return None
        pages = self._pages(head) if head.page.closed else ()
        notes = self._notes(invocation_id)
        weights = [page_bytes(page, invocation_id=head.id, number=number) for number, page in enumerate(pages, start=1)]
        self._meter.read(self._weight(head) + sum(weights) + _notes_bytes(invocation_id, notes))
        if epoch is not None and (head.epoch != epoch or any(page.epoch > epoch for page in pages)):
            return FENCED
        return Loaded(head=head, pages=pages, notes=notes)

    async def notes(self, invocation_id: str) -> tuple[Note, ...]:
        """Return the notes in order of arrival."""
        notes = self._notes(invocation_id)
        self._meter.read(_notes_bytes(invocation_id, notes))
        return notes

    async def acquire(
        self,
        invocation_id: str,
        *,
        epoch: int,
        status: Status,
        now_ms: int,
        lease_until_ms: int,
        deployment_id: str | None,
        protocol_version: int | None,
        ticket: int | None,
        failed_attempts: int,
        command_retries: int,
    ) -> Acquired | None:
        """Start an epoch."""
        head = self._existing(invocation_id)
        after = operations.acquire(
            head,
            epoch=epoch,
            status=status,
            now_ms=now_ms,
            lease_until_ms=lease_until_ms,
            deployment_id=deployment_id,
            protocol_version=protocol_version,
            ticket=ticket,
            failed_attempts=failed_attempts,
            command_retries=command_retries,
        )
        self._update(head, after)
        return Acquired(head=after, was_open=head.is_open) if after is not None else None

    async def renew(self, invocation_id: str, *, epoch: int, lease_until_ms: int) -> bool:
        """Extend a lease."""
        head = self._existing(invocation_id)
        return self._update(head, operations.renew(head, epoch=epoch, lease_until_ms=lease_until_ms)) is not None

    async def claim_slot(self, invocation_id: str, *, page: int, base: int, epoch: int) -> Page | None:
        """Fence an open page."""
        before = self._page(invocation_id, page)
        if self._is_over(invocation_id, epoch):
            return self._update_page(invocation_id, page, before, None)
        after = operations.claim_slot(before, base=base, epoch=epoch)
        return self._update_page(invocation_id, page, before, after)

    async def append(
        self, invocation_id: str, *, slot: Slot, epoch: int, frames: tuple[bytes, ...], taken: tuple[str, ...]
    ) -> Slot | Fenced:
        """Append to the open slot."""
        if slot.page == 0:
            head = self._existing(invocation_id)
            after = operations.append_to_head(head, slot=slot, epoch=epoch, frames=frames, taken=taken)
            is_written = self._update(head, after) is not None
            return slot_behind(slot, frames, taken) if is_written else FENCED
        before = self._page(invocation_id, slot.page)
        page = operations.append_to_page(before, slot=slot, epoch=epoch, frames=frames, taken=taken)
        page = None if self._is_over(invocation_id, epoch) else page
        page = self._update_page(invocation_id, slot.page, before, page)
        return slot_behind(slot, frames, taken) if page is not None else FENCED

    async def commit(self, invocation_id: str, *, epoch: int, change: Change) -> Head | Fenced:
        """End an attempt."""
        head = self._existing(invocation_id)
        return self._update(head, operations.commit(head, epoch=epoch, change=change)) or FENCED

    async def attach(self, invocation_id: str, sink: Sink) -> Head | None:
        """Add a sink."""
        head = self._existing(invocation_id)
        after = operations.attach(head, sink)
        self._update(head, after)
        return head if after is None else None

    async def note(self, invocation_id: str, note: Note) -> bool:
        """Put a note unless there is one of that key."""
        statement = "INSERT OR IGNORE INTO note (id, arrival, name, frame) VALUES (?, ?, ?, ?)"
        arrival = self._next_arrival()
        written = self._database.write(statement, (invocation_id, arrival, note.key, note.frame)).rowcount == 1
        self._meter.wrote(note_bytes(note, invocation_id=invocation_id))
        return written

    async def has_note(self, invocation_id: str, key: str) -> bool:
        """Return whether there is a note."""
        row = self._database.read("SELECT frame FROM note WHERE id = ? AND name = ?", (invocation_id, key)).fetchone()
        note = None if row is None else Note(key=key, frame=row[0])
        self._meter.read(0 if note is None else note_bytes(note, invocation_id=invocation_id))
        return note is not None

    async def cancel_unstarted(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        """End what has done nothing."""
        head = self._existing(invocation_id)
        return self._update(head, operations.cancel_unstarted(head, failure=failure, now_ms=now_ms))

    async def kill(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        """End it whatever it does."""
        head = self._existing(invocation_id)
        return self._update(head, operations.kill(head, failure=failure, now_ms=now_ms))

    async def pause(self, invocation_id: str, *, now_ms: int, epoch: int | None = None) -> Head | None:
        """Stop it."""
        head = self._existing(invocation_id)
        return self._update(head, operations.pause(head, now_ms=now_ms, epoch=epoch))

    async def resume(self, invocation_id: str, *, now_ms: int, deployment_id: str | None) -> Head | None:
        """Make it ready."""
        head = self._existing(invocation_id)
        return self._update(head, operations.resume(head, now_ms=now_ms, deployment_id=deployment_id))

    async def due(self, invocation_id: str, *, status: Status, now_ms: int) -> Head | None:
        """Move it on."""
        head = self._existing(invocation_id)
        return self._update(head, operations.due(head, status=status, now_ms=now_ms))

    async def forget(self, invocation_id: str, *, nonce: str) -> bool:
        """Delete a completed invocation."""
        head = self.peek(invocation_id)
        if head is None or head.nonce != nonce or head.status is not Status.COMPLETED:
            return False
        self._meter.retired(self._weight(head))
        self._delete(invocation_id)
        return True

    async def strip(self, invocation_id: str, *, nonce: str, kept: Kept, output: bytes | None) -> Head | None:
        """Let go of what is no longer kept; later pages and notes are deleted at once."""
        head = self.peek(invocation_id)
        after = operations.strip(head, nonce=nonce, kept=kept, output=output) if head is not None else None
        if head is None or self._update(head, after) is None:
            return None
        # What called for it is settled, and stays so.
        self.settled(invocation_id)
        for table in ("page", "note", "failure"):
            self._database.write(f"DELETE FROM {table} WHERE id = ?", (invocation_id,))
        return after

    async def retire(self, invocation_id: str, *, head: Head | None, expires_ms: int, is_thorough: bool) -> None:  # noqa: ARG002 - `forget` deletes.
        """Drop the notes, and bill what that takes elsewhere: nothing where all is written with a time to live."""
        present = self.peek(invocation_id)
        if present is not None and (head is None or head.nonce != present.nonce):
            return
        if is_thorough:
            pages = self._pages(present) if present is not None else ()
            notes = self._notes(invocation_id)
            weights = [
                page_bytes(page, invocation_id=invocation_id, number=number) for number, page in enumerate(pages, 1)
            ]
            self._meter.read(sum(weights) + _notes_bytes(invocation_id, notes))
            for note in notes:
                self._meter.retired(note_bytes(note, invocation_id=invocation_id))
        self._database.write("DELETE FROM note WHERE id = ?", (invocation_id,))
        if present is None:
            self._database.write("DELETE FROM page WHERE id = ?", (invocation_id,))

    async def keep(self, invocation_id: str) -> None:
        """Do nothing: here nothing goes by itself."""

    def settled(self, invocation_id: str) -> None:
        """Drop the mark that a completed invocation still needs a look; not a write that DynamoDB would know."""
        self._database.write("UPDATE head SET unsettled = 0 WHERE id = ?", (invocation_id,))

    async def unfinished(self, *, after: str | None, limit: int) -> list[Head]:
        """Return heads to look at after a restart, by id."""
        return self._unfinished(after, limit)

    def end_leases(self) -> None:
        """Take every lease as over: at the start of the only process there is no attempt can be under way."""
        after: str | None = None
        while heads := self._unfinished(after, 500):
            for head in heads:
                if head.lease_until_ms:
                    ended = operations.renew(head, epoch=head.epoch, lease_until_ms=0)
                    if ended is not None:
                        self._put_head(head, ended)
            after = heads[-1].id

    async def expired(self, *, now_ms: int, limit: int) -> list[Head]:
        """Return completed heads of which something is no longer to be kept."""
        statement = "SELECT record FROM head WHERE expires_ms <= ? AND NOT unsettled ORDER BY expires_ms LIMIT ?"
        return [decode_head(row[0]) for row in self._database.read(statement, (now_ms, limit))]

    def _unfinished(self, after: str | None, limit: int) -> list[Head]:
        statement = "SELECT record FROM head WHERE (status <> 'completed' OR unsettled) AND id > ? ORDER BY id LIMIT ?"
        return [decode_head(row[0]) for row in self._database.read(statement, (after or "", limit))]

    def _notes(self, invocation_id: str) -> tuple[Note, ...]:
        rows = self._database.read("SELECT name, frame FROM note WHERE id = ? ORDER BY arrival", (invocation_id,))
        return tuple(Note(key=name, frame=frame) for name, frame in rows)

    def _existing(self, invocation_id: str) -> Head:
        head = self.peek(invocation_id)
        assert head is not None, f"{invocation_id} was written to and does not exist"
        return head

    def _update(self, before: Head, after: Head | None) -> Head | None:
        weight = self._weight(before)
        if after is not None:
            self._put_head(before, after)
            if after.last_failure is not None and after.last_failure != before.last_failure:
                self._chronicle.note_failure(after.id, after.last_failure)
            weight = max(weight, self._weight(after))
        self._meter.wrote(weight)
        return after

    def _insert_head(self, head: Head) -> None:
        target = head.target
        columns = "id, status, service, handler, key, created_ms, expires_ms, unsettled, record, history"
        self._database.write(
            f"INSERT INTO head ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                head.id,
                head.status.value,
                target.service,
                target.handler,
                target.key,
                head.created_ms,
                next_expiry_ms(head),
                head.status is Status.COMPLETED,
                encode(head),
                moments_of_head(None, head, now_ms=self._now_ms()),
            ),
        )
        self._keep(head)

    def _delete(self, invocation_id: str) -> None:
        for table in ("head", "page", "note", "failure"):
            self._database.write(f"DELETE FROM {table} WHERE id = ?", (invocation_id,))
        self._cache.pop(invocation_id, None)

    def _put_head(self, before: Head, head: Head) -> None:
        is_completed = head.status is Status.COMPLETED
        values: tuple[object, ...] = (head.status.value, next_expiry_ms(head), is_completed, encode(head))
        statement = "UPDATE head SET status = ?, expires_ms = ?, unsettled = ?, record = ?"
        if moments := moments_of_head(before, head, now_ms=self._now_ms()):
            statement += (
                f", history = CASE WHEN length(history) < {HISTORY_CHARS_MAX} THEN history || ? ELSE history END"
            )
            values = (*values, moments)
        self._database.write(f"{statement} WHERE id = ?", (*values, head.id))
        self._keep(head)

    def _keep(self, head: Head) -> None:
        self._cache[head.id] = (head, head_bytes(head))
        self._cache.move_to_end(head.id)
        if len(self._cache) > _CACHED_HEADS:
            self._cache.popitem(last=False)

    def _next_arrival(self) -> int:
        # Counted here and not in the database, which would look through all notes of the invocation each time.
        if self._arrivals is None:
            (last,) = self._database.read("SELECT ifnull(max(arrival), 0) FROM note").fetchone()
            self._arrivals = count(last + 1)
        return next(self._arrivals)

    def _weight(self, head: Head) -> int:
        """Return what the head weighs that was read or written last."""
        return self._cache[head.id][1]

    def _pages(self, head: Head) -> tuple[Page, ...]:
        rows = self._database.read("SELECT record FROM page WHERE id = ? ORDER BY number", (head.id,))
        return tuple(page for row in rows if head.owns(page := decode_page(row[0])))

    def _page(self, invocation_id: str, number: int) -> Page | None:
        statement = "SELECT record FROM page WHERE id = ? AND number = ?"
        row = self._database.read(statement, (invocation_id, number)).fetchone()
        page = decode_page(row[0]) if row is not None else None
        head = self.peek(invocation_id)
        return page if page is None or head is None or head.owns(page) else None

    def _is_over(self, invocation_id: str, epoch: int) -> bool:
        """Return whether an epoch is one of a journal that is gone; the pages that would fence it are gone as well."""
        head = self.peek(invocation_id)
        return head is not None and (head.kept is not Kept.JOURNAL or epoch < head.first_epoch - 1)

    def _update_page(self, invocation_id: str, number: int, before: Page | None, after: Page | None) -> Page | None:
        weights = [page_bytes(page, invocation_id=invocation_id, number=number) for page in (before, after)]
        self._meter.wrote(max(weights))
        if after is not None:
            statement = "INSERT INTO page (id, number, record, history) VALUES (?, ?, ?, ?) ON CONFLICT (id, number)"
            statement += " DO UPDATE SET record = excluded.record, history = history || excluded.history"
            moments = moments_of_page(before, after, now_ms=self._now_ms())
            self._database.write(statement, (invocation_id, number, encode(after), moments))
        return after


def _notes_bytes(invocation_id: str, notes: tuple[Note, ...]) -> int:
    return sum([note_bytes(note, invocation_id=invocation_id) for note in notes])
