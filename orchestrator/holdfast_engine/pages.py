"""Pages of the journal: how full they get, and what appending to one means."""

from __future__ import annotations

from holdfast_engine.records import Page, Slot

# DynamoDB bills a write by the KiB of the whole item. 7 bytes stay free for the time-to-live attribute.
PAGE_BYTES_MAX = 1017
# What a page item weighs without frames: key, epoch, count (dynamodb notes, "Recommended items").
PAGE_OVERHEAD_BYTES = 52
# What a head item weighs without frames: target, status, epoch, lease, deployment, times; measured for short names.
HEAD_OVERHEAD_BYTES = 160


def page_bytes(frames: tuple[bytes, ...], *, page: int) -> int:
    """Return about what the item of a page weighs."""
    return (HEAD_OVERHEAD_BYTES if page == 0 else PAGE_OVERHEAD_BYTES) + sum(map(len, frames))


def extended(page: Page, frames: tuple[bytes, ...], taken: tuple[str, ...], *, number: int, epoch: int) -> Page:
    """Return the page with the frames behind its own, closed when another such append would not fit.

    The next append is likely as large as this one; an item that grows past 1 KiB costs a second unit, a new page none.
    """
    together = page.frames + frames
    added = sum(map(len, frames))
    closed = page_bytes(together, page=number) + added > PAGE_BYTES_MAX
    return Page(epoch=epoch, base=page.base, frames=together, closed=closed, taken=page.taken + taken)


def slot_after(page: Page, *, number: int) -> Slot:
    """Return where the next append goes, given the last page."""
    if page.closed:
        return Slot(page=number + 1, count=0, base=page.base + page.count)
    return Slot(page=number, count=page.count, base=page.base)
