"""Reading an invocation's journal into memory."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_engine.blobs import restored
from holdfast_engine.journal import Journal
from holdfast_engine.note_keys import is_for
from holdfast_engine.pages import open_slot
from holdfast_engine.ports import FENCED, Fenced
from holdfast_engine.records import Head, Note, Page
from holdfast_engine.replacing import replace
from holdfast_engine.world import World


async def journal_of(world: World, head: Head, pages: Iterable[Page], notes: Iterable[Note]) -> Journal:
    """Return the journal with all frames as they travelled; notes that are not entries yet come behind, pending."""
    stored = tuple(pages)
    # The bytes that are stored say how full the open page is, not the large ones they refer to.
    slot = open_slot(head, stored)
    journal = Journal.of([await _whole(world, head.id, page) for page in (head.page, *stored)], slot)
    await add_notes(world, head, journal, notes)
    return journal


async def is_pinned(world: World, head: Head) -> bool:
    """Return whether the deployment that the head names is the one it must run on.

    It is once there is more than the Input, which may fill the first page alone, or when somebody has chosen it.
    """
    if head.origin is not None and head.origin.is_pinned:
        return True
    if head.page.count > 1 or not head.page.closed:
        return head.page.count > 1
    journal = await journal_of_stored(world, head.id)
    return journal is not None and len(journal) > 1


async def add_notes(world: World, head: Head, journal: Journal, notes: Iterable[Note]) -> None:
    """Put the notes that are not entries yet behind the journal, with their frames as they travelled."""
    for note in notes:
        if not is_for(head, note):
            continue
        (frame,) = await restored(world, head.id, (note.frame,))
        journal.add_note(Note(key=note.key, frame=frame))


async def load_epoch(world: World, head: Head) -> Journal | Fenced:
    """Return the journal that an epoch starts from; fenced when there is a newer one already."""
    loaded = await world.store.load(head.id, epoch=head.epoch)
    if loaded is None or isinstance(loaded, Fenced):
        return FENCED
    return await journal_of(world, loaded.head, loaded.pages, loaded.notes)


async def journal_of_stored(world: World, invocation_id: str) -> Journal | None:
    """Return the journal as it is stored, notes left out; None when there is no such invocation."""
    loaded = await world.store.load(invocation_id, epoch=None)
    if loaded is None or isinstance(loaded, Fenced):
        return None
    return await journal_of(world, loaded.head, loaded.pages, ())


async def _whole(world: World, invocation_id: str, page: Page) -> Page:
    if _may_refer(page):
        return replace(page, frames=await restored(world, invocation_id, page.frames))
    return page


def _may_refer(page: Page) -> bool:
    # A reference frame's type begins with 0xFC; no entry's does.
    return any(frame[0] == 0xFC for frame in page.frames)
