"""How full a page of a journal gets: shared by the engine and by handlers that write to their journal by themselves.

Both must close a page at the same point, because the place of the next append follows from it. The writer's rule, not
the store's: a page is closed by the append behind which another of its size would not fit.
"""

from __future__ import annotations

from collections.abc import Collection

# DynamoDB bills a write by the KiB of the whole item. 7 bytes stay free for the time-to-live attribute, 2 for the mark
# that the page is closed.
PAGE_BYTES_MAX = 1024 - 7 - 2
# What a page item weighs without frames: partition, sort key, epoch, count, base and an empty list, by short names.
PAGE_OVERHEAD_BYTES = 57
# What a head item weighs without frames: target, status, epoch, lease, deployment, times, and what its end adds.
HEAD_OVERHEAD_BYTES = 180


def frames_bytes(frames: Collection[bytes], taken: Collection[str] = ()) -> int:
    """Return what frames, and the tokens of merged signals, weigh in an item: each is an element of a list."""
    weight = sum(map(len, frames)) + len(frames)
    return weight + sum(map(len, taken)) + len(taken) if taken else weight


def page_bytes(page: int, frames_bytes: int) -> int:
    """Return about what the item of a page weighs; page 0 lives in the head."""
    return (HEAD_OVERHEAD_BYTES if page == 0 else PAGE_OVERHEAD_BYTES) + frames_bytes


def is_full(page: int, *, frames_bytes: int, appended_bytes: int) -> bool:
    """Return whether an append of `appended_bytes`, which brought the frames to `frames_bytes`, closes the page.

    The next append is likely as large: an item that grows past 1 KiB costs a second unit, a new page none.
    """
    return page_bytes(page, frames_bytes) + appended_bytes > PAGE_BYTES_MAX
