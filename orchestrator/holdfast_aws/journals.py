"""Journals: the later pages, the notes, and everything of an invocation in one consistent view.

A query is not a snapshot: each item is read at a moment of its own. Pages show by their numbers, by where they begin
and by being closed whether one of them is older than the others; then they are read again.

A page that expires earlier than those of its invocation do belongs to an earlier run, which has ended. When an
invocation is created anew, under an id derived from the same key, before DynamoDB has come round to deleting the page,
it counts as absent. When pages expire, and who sees that none does too early, is said in `lifetimes.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdfast_aws.dynamo import Refused, Written
from holdfast_aws.heads import HeadStore, appending, at_slot
from holdfast_aws.items import NOTE_PREFIX, Raw, head_of, note_in, note_item, page_in, page_item, seconds_up
from holdfast_aws.lifetimes import DAY_MS, Life, Lifetimes
from holdfast_aws.models import HeadItem as H
from holdfast_aws.models import NoteItem
from holdfast_aws.models import PageItem as P
from holdfast_aws.part import KEYS_ONLY, extended, put
from holdfast_engine import operations
from holdfast_engine.errors import JournalDamaged, StoreUnreachable
from holdfast_engine.pages import closes, slot_behind
from holdfast_engine.ports import FENCED, Fenced, Loaded
from holdfast_engine.records import Head, Kept, Note, Page, Slot, Status
from holdfast_protocol.items import EPOCH, EXPIRES, FRAMES, HEAD_SORT, page_of, page_sort

# Reading again helps at once, unless appends follow each other faster than reads.
_LOADS_MAX = 10
_LOAD_AGAIN_S = 0.02
# Of a completed invocation a page may be missing for good: DynamoDB deletes what has expired in no order.
_EXPIRING_LOADS_MAX = 3

_NO_ENTRIES: list[bytes] = []
# Of an invocation that nobody has seen yet: the pages of one that is about to be created, under an id of its own.
_UNKNOWN = Life(created_ms=0, expires_s=0, first_epoch=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What one query saw of an invocation; its items may be of different moments."""

    head: Head
    pages: tuple[tuple[int, Page], ...]
    notes: tuple[Note, ...]
    # Whether any of its pages has a time to live, and whether any page or note has.
    has_marked_pages: bool
    is_marked: bool

    @classmethod
    def of(cls, raws: Sequence[Raw], lifetimes: Lifetimes) -> _View | None:
        """Return the items of a partition as records; None when there is no head."""
        heads = [raw for raw in raws if raw["s"]["S"] == HEAD_SORT]
        if not heads:
            return None
        head = head_of(heads[0])
        # Of a journal that has been let go of the pages are only waiting for DynamoDB to delete them.
        is_kept = head.kept is Kept.JOURNAL
        life = lifetimes.of_head(head)
        own = [page_in(raw) for raw in raws if is_kept and _is_page_of(life, raw)]
        return cls(
            head=head,
            pages=tuple((number, page) for number, page, _ in own),
            notes=_notes(raws),
            has_marked_pages=any(expires_s is not None for _, _, expires_s in own),
            is_marked=any(_is_marked(raw, life) for raw in raws),
        )

    @property
    def loaded(self) -> Loaded:
        """Return the view up to the first page that does not follow the one before."""
        before, length, following = self.head.page, self.head.page.count, []
        for expected, (number, page) in enumerate(self.pages, start=1):
            if number != expected or not before.closed or page.base != length:
                break
            following.append(page)
            before, length = page, length + page.count
        return Loaded(head=self.head, pages=tuple(following), notes=self.notes)

    def is_whole(self, loaded: Loaded) -> bool:
        """Return whether no item is older than another one that was read with it."""
        if len(loaded.pages) < len(self.pages):
            return False
        length = self.head.page.count + sum(page.count for page in loaded.pages)
        return not self.head.page.closed or length >= self.head.done


class JournalStore(HeadStore):
    """Appending to journals, and reading them."""

    # By this process's clock; see `note`.
    _last_arrival = 0

    async def load(self, invocation_id: str, *, epoch: int | None) -> Loaded | Fenced | None:
        """Return everything of an invocation; fenced if the head or a page is of another epoch than `epoch`."""
        for tried in range(1, _LOADS_MAX + 1):
            raws = await self.dynamo.query(self.models.head, "p = :id", {":id": invocation_id})
            view = _View.of(raws, self._lives.lifetimes)
            if view is None:
                return None
            self._lives.see(view.head)
            if epoch is not None and (view.head.epoch != epoch or any(page.epoch > epoch for _, page in view.pages)):
                return FENCED
            loaded = view.loaded
            if view.head.status is not Status.COMPLETED:
                await self._keep_loaded(view)
            if view.is_whole(loaded):
                return loaded
            if view.head.status is Status.COMPLETED and tried == _EXPIRING_LOADS_MAX:
                return loaded
            await asyncio.sleep(_LOAD_AGAIN_S)
        raise StoreUnreachable(f"the pages of {invocation_id} do not follow each other, however often they are read")

    async def notes(self, invocation_id: str) -> tuple[Note, ...]:
        """Return the notes in order of arrival."""
        values = {":id": invocation_id, ":notes": NOTE_PREFIX}
        return _notes(await self.dynamo.query(self.models.note, "p = :id AND begins_with(s, :notes)", values))

    async def note(self, invocation_id: str, note: Note) -> bool:
        """Put a note if there is none of that key; False when there was."""
        # Microseconds, and never the same twice in one process.
        self._last_arrival = max(self._last_arrival + 1, self._clock.now_ms() * 1000)
        expires_s = self._lives.lifetimes.note_expires_s(self._clock.now_ms())
        item = note_item(self.models.note, invocation_id, note, arrival=self._last_arrival, expires_s=expires_s)
        result = await self.dynamo.put(item, NoteItem.id.does_not_exist())
        return isinstance(result, Written) or (result.is_repeat and _has_frame(result, note.frame))

    async def has_note(self, invocation_id: str, key: str) -> bool:
        """Return whether there is a note of that key."""
        return await self.dynamo.get(self.models.note, invocation_id, NOTE_PREFIX + key) is not None

    async def append(
        self, invocation_id: str, *, slot: Slot, epoch: int, frames: tuple[bytes, ...], taken: tuple[str, ...]
    ) -> Slot | Fenced:
        """Append to the open slot; return the next one."""
        if slot.page == 0:
            condition = (H.epoch == epoch) & at_slot(slot) & (H.status != Status.COMPLETED)
            head = self.models.head(id=invocation_id)
            result = await self.dynamo.update(head, appending(slot, frames, taken), condition)
        else:
            page = self.models.page(id=invocation_id, sort=page_sort(slot.page))
            life, marked = await self._life(invocation_id)
            if epoch < life.first_epoch - 1:
                # It is left over itself, from an earlier run.
                return FENCED
            result = await self.dynamo.update(page, *_appending(slot, epoch, frames, taken, life=life, marked=marked))
        if isinstance(result, Refused) and not _holds(result, slot, frames):
            return FENCED
        return slot_behind(slot, frames, taken)

    async def claim_slot(self, invocation_id: str, *, page: int, base: int, epoch: int) -> Page | None:
        """Raise an open page's epoch, or make the page; None if it was closed meanwhile: the slot is the next one."""
        item = self.models.page(id=invocation_id, sort=page_sort(page))
        life, marked = await self._life(invocation_id)
        if epoch < life.first_epoch - 1:
            return None
        claim = [
            P.epoch.set(epoch),
            P.base.set(P.base | base),
            P.entry_count.set(P.entry_count | 0),
            P.frames.set(P.frames | _NO_ENTRIES),
        ]
        if marked:
            claim.append(P.expires_s.set(P.expires_s | life.expires_s))
        is_open = (P.epoch <= epoch) & P.closed.does_not_exist() & _is_own(life)
        result = await self.dynamo.update(item, claim, P.id.does_not_exist() | is_open, returns="ALL_OLD")
        if isinstance(result, Refused) and result.item and not _is_page_of(life, result.item):
            slot = Slot(page=page, count=0, base=base, frames_bytes=0)
            anew, _ = _appending(slot, epoch, (), (), life=life, marked=marked)
            result = await self.dynamo.update(item, anew, _is_of_another(life))
        if isinstance(result, Refused):
            return None
        before = page_in(result.before)[1] if result.before else None
        return operations.claim_slot(before, base=base, epoch=epoch)

    async def keep(self, invocation_id: str) -> None:
        """See that nothing of an invocation expires that has not ended, whenever it was written."""
        head = await self.head(invocation_id)
        if head is None or head.status is Status.COMPLETED:
            return
        life = self._lives.lifetimes.of_head(head)
        if not self._lives.lifetimes.is_to_be_kept(life, self._clock.now_ms()):
            return
        raws = await self.dynamo.query(self.models.head, "p = :id", {":id": invocation_id}, **KEYS_ONLY)
        sorts = [raw["s"]["S"] for raw in raws if _is_marked(raw, life)]
        # Never made anew: DynamoDB may have deleted it meanwhile.
        items = [self.models.page(id=invocation_id, sort=sort) for sort in sorts]
        lifts = [each.get_update_kwargs_from_instance([P.expires_s.remove()], P.id.exists()) for each in items]
        await self._write_unless_ended(head, [{"Update": lift} for lift in lifts])
        if head.page.closed and not any(_is_page_of(life, raw) for raw in raws):
            # An empty page says that none is missing: from now on a closed first page with none behind it is damage.
            empty = Page(epoch=head.epoch, base=head.page.count, frames=())
            first = page_item(self.models.page, invocation_id, 1, empty, expires_s=None)
            put_first = {"Put": first.get_save_kwargs_from_instance(P.id.does_not_exist())}
            await self._write_unless_ended(head, [put_first])

    async def _write_unless_ended(self, head: Head, writes: Sequence[Raw]) -> None:
        """Write to the items of an invocation, as long as it is this one and has not ended."""
        is_it = (H.nonce == head.nonce) & (H.status != Status.COMPLETED)
        guard = {"ConditionCheck": self.models.head(id=head.id).get_delete_kwargs_from_instance(is_it)}
        await self.dynamo.write_guarded(guard, writes)

    async def _keep_loaded(self, view: _View) -> None:
        """Keep what was loaded of an invocation that has not ended, if it is so old that it might expire.

        Raises:
            JournalDamaged: It expired before anybody had kept it.
        """
        lifetimes, now = self._lives.lifetimes, self._clock.now_ms()
        life = lifetimes.of_head(view.head)
        if not lifetimes.is_to_be_kept(life, now):
            return
        is_late = seconds_up(now) > life.expires_s
        # Then a page that is marked may be the last of many, and what came behind a closed first page may be gone.
        if is_late and (view.has_marked_pages or (view.head.page.closed and not view.pages)):
            raise JournalDamaged(
                f"pages of the journal of {view.head.id} expired on their own before it had ended: for"
                f" {lifetimes.spare_ms // DAY_MS} days nothing kept them, because the sweeper did not run. It"
                " cannot go on; kill it, and restart it as new from its input if it may run again from its beginning",
                invocation_id=view.head.id,
            )
        if view.is_marked:
            await self.keep(view.head.id)

    async def _life(self, invocation_id: str) -> tuple[Life, bool]:
        """Return the life of an invocation, and whether a page that is made now is born with a time to live."""
        life = self._lives.get(invocation_id)
        if life is None:
            head = await self.head(invocation_id)
            if head is None:
                return _UNKNOWN, False
            life = self._lives.lifetimes.of_head(head)
        return life, self._lives.lifetimes.is_young(life, self._clock.now_ms())


def _appending(
    slot: Slot, epoch: int, frames: Sequence[bytes], taken: Sequence[str], *, life: Life, marked: bool
) -> tuple[list[Action], Condition]:
    """Return actions and condition of an append to a later page."""
    is_open = (P.entry_count == slot.count) & (P.epoch <= epoch) & P.closed.does_not_exist() & _is_own(life)
    closed = True if closes(slot, tuple(frames), tuple(taken)) else None
    actions = [P.epoch.set(epoch), P.entry_count.set(slot.count + len(frames)), put(P.closed, closed)]
    if slot.count:
        actions.append(P.frames.set(P.frames.append(list(frames))))
        if taken:
            actions.append(extended(P.taken, taken))
        return actions, is_open
    # The first entries replace whatever a former run has left under this number.
    actions += [P.base.set(slot.base), P.frames.set(list(frames)), put(P.taken, list(taken) or None)]
    actions.append(put(P.expires_s, life.expires_s if marked else None))
    return actions, P.id.does_not_exist() | _is_of_another(life) | is_open


def _is_own(life: Life) -> Condition:
    """Return the condition that a page is of this run, and not left over from an earlier one."""
    has_time = P.expires_s.does_not_exist() | (P.expires_s >= life.expires_s)
    condition: Condition = has_time & (P.epoch >= life.first_epoch - 1)
    return condition


def _is_of_another(life: Life) -> Condition:
    """Return the condition that a page that exists is left over from an earlier run."""
    condition: Condition = (P.expires_s < life.expires_s) | (P.epoch < life.first_epoch - 1)
    return condition


def _holds(refused: Refused, slot: Slot, frames: Sequence[bytes]) -> bool:
    """Return whether a page that refused an append holds it already: the answer to an earlier try was lost."""
    if not refused.is_repeat or not refused.item:
        return False
    stored = [element["B"] for element in refused.item[FRAMES]["L"][slot.count : slot.count + len(frames)]]
    return stored == list(frames)


def _has_frame(refused: Refused, frame: bytes) -> bool:
    return refused.item is not None and note_in(refused.item)[1].frame == frame


def _is_page_of(life: Life, raw: Raw) -> bool:
    """Return whether an item is a later page, and of this run: an earlier one had expired, or this took its place."""
    if not page_of(raw["s"]["S"]) or int(raw[EPOCH]["N"]) < life.first_epoch - 1:
        return False
    return EXPIRES not in raw or int(raw[EXPIRES]["N"]) >= life.expires_s


def _is_marked(raw: Raw, life: Life) -> bool:
    """Return whether an item is a note or a page of this run and has a time to live."""
    return EXPIRES in raw and (raw["s"]["S"].startswith(NOTE_PREFIX) or _is_page_of(life, raw))


def _notes(raws: Sequence[Raw]) -> tuple[Note, ...]:
    arrived = [note_in(raw) for raw in raws if raw["s"]["S"].startswith(NOTE_PREFIX)]
    return tuple(note for _, note in sorted(arrived, key=lambda each: each[0]))
