"""What DynamoDB would have billed: every operation of the embedded store says so here."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast_engine.records import Head, Page
from holdfast_protocol.pages import HEAD_OVERHEAD_BYTES, PAGE_OVERHEAD_BYTES

_WRITE_UNIT_BYTES = 1024
_READ_UNIT_BYTES = 4096


@dataclass(slots=True)
class Meter:
    """Write and read units since the start; a refused condition costs what a write costs."""

    write_units: int = 0
    read_units: int = 0
    writes: int = 0
    reads: int = 0

    def wrote(self, size: int) -> None:
        """Count one conditional write, refused or not, of an item of that size."""
        self.writes += 1
        self.write_units += 1 if size <= _WRITE_UNIT_BYTES else -(-size // _WRITE_UNIT_BYTES)

    def read(self, size: int) -> None:
        """Count one strongly consistent read."""
        self.reads += 1
        self.read_units += 1 if size <= _READ_UNIT_BYTES else -(-size // _READ_UNIT_BYTES)


def head_bytes(head: Head | None) -> int:
    """Return about what a head weighs as an item with short attribute names."""
    if head is None:
        return 0
    size = HEAD_OVERHEAD_BYTES + sum(map(len, head.page.frames))
    if head.sinks:
        size += 47 * len(head.sinks)
    if head.caller is not None:
        size += 44
    if head.target.key is not None:
        size += len(head.target.key)
    if head.idempotency_key is not None:
        size += len(head.idempotency_key)
    if head.last_failure is not None:
        size += len(head.last_failure.message) + len(head.last_failure.stacktrace) + 20
    if head.outcome is not None and head.outcome.failure is not None:
        size += len(head.outcome.failure.message) + 8
    return size


def page_item_bytes(page: Page | None) -> int:
    """Return about what a page weighs as an item."""
    return PAGE_OVERHEAD_BYTES + sum(map(len, page.frames)) if page is not None else 0
