"""Journals: the later pages, the notes, and everything of an invocation in one consistent view.

A query is not a snapshot: each item is read at a moment of its own. Pages show by their numbers, by where they begin
and by being closed whether one of them is older than the others; then they are read again.

A page that has a time to live belongs to a run that has ended. When its invocation is created anew, under an id derived
from the same key, before DynamoDB has come round to deleting the page, it counts as absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdfast_aws.dynamo import Refused, Written
from holdfast_aws.heads import HeadStore, appending, at_slot
from holdfast_aws.items import NOTE_PREFIX, Raw, head_of, note_in, note_item, page_in
from holdfast_aws.models import HeadItem as H
from holdfast_aws.models import NoteItem
from holdfast_aws.models import PageItem as P
from holdfast_aws.part import extended, put
from holdfast_engine import operations
from holdfast_engine.errors import StoreUnreachable
from holdfast_engine.pages import closes, slot_behind
from holdfast_engine.ports import FENCED, Fenced, Loaded
from holdfast_engine.records import Head, Kept, Note, Page, Slot, Status
from holdfast_protocol.items import FRAMES, HEAD_SORT, page_of, page_sort

# Reading again helps at once, unless appends follow each other faster than reads.
_LOADS_MAX = 10
_LOAD_AGAIN_S = 0.02
# Of a completed invocation a page may be missing for good: DynamoDB deletes what has expired in no order.
_EXPIRING_LOADS_MAX = 3

_LEFT_OVER = P.expires_s.exists()
_ABSENT = P.id.does_not_exist() | _LEFT_OVER
_NO_ENTRIES: list[bytes] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What one query saw of an invocation; its items may be of different moments."""

    head: Head
    pages: tuple[tuple[int, Page], ...]
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, raws: Sequence[Raw]) -> _View | None:
        """Return the items of a partition as records; None when there is no head."""
        heads = [raw for raw in raws if raw["s"]["S"] == HEAD_SORT]
        if not heads:
            return None
        head = head_of(heads[0])
        # Of a journal that has been let go of the pages are only waiting for DynamoDB to delete them.
        is_kept = head.kept is Kept.JOURNAL
        numbered = [page_in(raw) for raw in raws if is_kept and page_of(raw["s"]["S"])]
        pages = [(number, page) for number, page, expires_s in numbered if not _is_left_over(head, expires_s)]
        return cls(head=head, pages=tuple(pages), notes=_notes(raws))

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
            view = _View.of(await self.dynamo.query(self.models.head, "p = :id", {":id": invocation_id}))
            if view is None:
                return None
            if epoch is not None and (view.head.epoch != epoch or any(page.epoch > epoch for _, page in view.pages)):
                return FENCED
            loaded = view.loaded
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
        item = note_item(self.models.note, invocation_id, note, arrival=self._last_arrival)
        result = await self.dynamo.put(item, NoteItem.id.does_not_exist())
        return isinstance(result, Written) or (result.is_repeat and _has_frame(result, note.frame))

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
            result = await self.dynamo.update(page, *_appending_to_page(slot, epoch, frames, taken))
        if isinstance(result, Refused) and not _holds(result, slot, frames):
            return FENCED
        return slot_behind(slot, frames, taken)

    async def claim_slot(self, invocation_id: str, *, page: int, base: int, epoch: int) -> Page | None:
        """Raise an open page's epoch, or make the page; None if it was closed meanwhile: the slot is the next one."""
        item = self.models.page(id=invocation_id, sort=page_sort(page))
        claim = [
            P.epoch.set(epoch),
            P.base.set(P.base | base),
            P.entry_count.set(P.entry_count | 0),
            P.frames.set(P.frames | _NO_ENTRIES),
        ]
        is_open = (P.epoch <= epoch) & P.closed.does_not_exist() & P.expires_s.does_not_exist()
        result = await self.dynamo.update(item, claim, P.id.does_not_exist() | is_open, returns="ALL_OLD")
        if isinstance(result, Refused) and result.item and page_in(result.item)[2] is not None:
            anew, _ = _appending_to_page(Slot(page=page, count=0, base=base, frames_bytes=0), epoch, (), ())
            result = await self.dynamo.update(item, anew, _LEFT_OVER)
        if isinstance(result, Refused):
            return None
        before = page_in(result.before)[1] if result.before else None
        return operations.claim_slot(before, base=base, epoch=epoch)


def _appending_to_page(
    slot: Slot, epoch: int, frames: Sequence[bytes], taken: Sequence[str]
) -> tuple[list[Action], Condition]:
    """Return actions and condition of an append to a later page."""
    is_open = (P.entry_count == slot.count) & (P.epoch <= epoch) & P.closed.does_not_exist()
    closed = True if closes(slot, tuple(frames), tuple(taken)) else None
    actions = [P.epoch.set(epoch), P.entry_count.set(slot.count + len(frames)), put(P.closed, closed)]
    if slot.count:
        actions.append(P.frames.set(P.frames.append(list(frames))))
        if taken:
            actions.append(extended(P.taken, taken))
        return actions, is_open & P.expires_s.does_not_exist()
    # The first entries replace whatever a former run has left under this number.
    actions += [P.base.set(slot.base), P.frames.set(list(frames)), put(P.taken, list(taken) or None)]
    return [*actions, P.expires_s.remove()], _ABSENT | is_open


def _holds(refused: Refused, slot: Slot, frames: Sequence[bytes]) -> bool:
    """Return whether a page that refused an append holds it already: the answer to an earlier try was lost."""
    if not refused.is_repeat or not refused.item:
        return False
    stored = [element["B"] for element in refused.item[FRAMES]["L"][slot.count : slot.count + len(frames)]]
    return stored == list(frames)


def _has_frame(refused: Refused, frame: bytes) -> bool:
    return refused.item is not None and note_in(refused.item)[1].frame == frame


def _is_left_over(head: Head, expires_s: int | None) -> bool:
    """Return whether a page belongs to an earlier run of this id, which had expired before this one was created."""
    if expires_s is None:
        return False
    return head.status is not Status.COMPLETED or expires_s * 1000 <= head.created_ms + 1000


def _notes(raws: Sequence[Raw]) -> tuple[Note, ...]:
    arrived = [note_in(raw) for raw in raws if raw["s"]["S"].startswith(NOTE_PREFIX)]
    return tuple(note for _, note in sorted(arrived, key=lambda each: each[0]))
