"""Pages of the journal: what appending to one means, and where the next append goes."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast_engine.records import Head, Page, Slot
from holdfast_engine.weights import HEAD_RESERVE_BYTES, head_bytes
from holdfast_protocol.pages import HEAD_OVERHEAD_BYTES, PAGE_BYTES_MAX, frames_bytes, is_full, page_bytes


def extended(page: Page, frames: tuple[bytes, ...], taken: tuple[str, ...], *, slot: Slot, epoch: int) -> Page:
    """Return the page with the frames behind its own, closed when it is full."""
    return Page(
        epoch=epoch,
        base=page.base,
        frames=page.frames + frames,
        closed=closes(slot, frames, taken),
        taken=page.taken + taken,
    )


def closes(slot: Slot, frames: tuple[bytes, ...], taken: tuple[str, ...]) -> bool:
    """Return whether an append closes its page."""
    added = frames_bytes(frames, taken)
    return is_full(slot.page, frames_bytes=slot.frames_bytes + added, appended_bytes=added)


def slot_behind(slot: Slot, frames: tuple[bytes, ...], taken: tuple[str, ...]) -> Slot:
    """Return where the next append goes, after one to `slot`."""
    count = slot.count + len(frames)
    if closes(slot, frames, taken):
        return _beginning(slot.page + 1, slot.base + count)
    added = frames_bytes(frames, taken)
    return Slot(page=slot.page, count=count, base=slot.base, frames_bytes=slot.frames_bytes + added)


def room_in(slot: Slot) -> int:
    """Return what else the page of a slot takes before its item costs another unit."""
    return PAGE_BYTES_MAX - page_bytes(slot.page, slot.frames_bytes)


def open_slot(head: Head, pages: Sequence[Page]) -> Slot:
    """Return where the next append goes, given all that is stored."""
    return slot_after(pages[-1], number=len(pages)) if pages else slot_in_head(head)


def slot_in_head(head: Head) -> Slot:
    """Return where the next append goes as far as the head knows: page 0, or page 1 once that is closed."""
    page = head.page
    if page.closed:
        return _beginning(1, page.count)
    beyond_usual = head_bytes(head) + HEAD_RESERVE_BYTES - HEAD_OVERHEAD_BYTES
    return Slot(page=0, count=page.count, base=0, frames_bytes=beyond_usual)


def slot_after(page: Page, *, number: int) -> Slot:
    """Return where the next append goes, given the last of the later pages."""
    if page.closed:
        return _beginning(number + 1, page.base + page.count)
    weight = frames_bytes(page.frames, page.taken)
    return Slot(page=number, count=page.count, base=page.base, frames_bytes=weight)


def _beginning(number: int, base: int) -> Slot:
    return Slot(page=number, count=0, base=base, frames_bytes=0)
