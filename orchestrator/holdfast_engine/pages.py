"""Pages of the journal: what appending to one means, and where the next append goes."""

from __future__ import annotations

from holdfast_engine.records import Page, Slot
from holdfast_protocol.pages import is_full


def extended(page: Page, frames: tuple[bytes, ...], taken: tuple[str, ...], *, number: int, epoch: int) -> Page:
    """Return the page with the frames behind its own, closed when it is full."""
    together = page.frames + frames
    closed = is_full(number, frames_bytes=sum(map(len, together)), appended_bytes=sum(map(len, frames)))
    return Page(epoch=epoch, base=page.base, frames=together, closed=closed, taken=page.taken + taken)


def slot_after(page: Page, *, number: int) -> Slot:
    """Return where the next append goes, given the last page."""
    if page.closed:
        return Slot(page=number + 1, count=0, base=page.base + page.count)
    return Slot(page=number, count=page.count, base=page.base)
