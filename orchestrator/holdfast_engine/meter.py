"""The bill: what a store has written and read, in the units that DynamoDB charges by."""

from __future__ import annotations

from dataclasses import dataclass

_WRITE_UNIT_BYTES = 1024
_READ_UNIT_BYTES = 4096


@dataclass(slots=True)
class Meter:
    """Write and read units since the start; a refused condition costs what a write costs.

    `retention_units` are write units too, and not among `write_units`: what it costs afterwards that items go away. So
    are `listing_units`: what it costs that invocations can be listed. What lists have read is counted by itself too; it
    comes in halves.
    """

    write_units: int = 0
    read_units: int = 0
    retention_units: int = 0
    listing_units: int = 0
    listing_read_units: float = 0
    writes: int = 0
    reads: int = 0

    def wrote(self, size: int) -> None:
        """Count one conditional write, refused or not, of an item of that size."""
        self.bill_write(_write_units(size))

    def read(self, size: int) -> None:
        """Count one strongly consistent read."""
        self.bill_read(1 if size <= _READ_UNIT_BYTES else -(-size // _READ_UNIT_BYTES))

    def retired(self, size: int) -> None:
        """Count one item of that size deleted, or marked with its time to live."""
        self.bill_retention(_write_units(size))

    def bill_write(self, units: int) -> None:
        """Count one write that costs so much."""
        self.writes += 1
        self.write_units += units

    def bill_read(self, units: int) -> None:
        """Count one read that costs so much."""
        self.reads += 1
        self.read_units += units

    def bill_retention(self, units: int) -> None:
        """Count one deletion, or one mark, that costs so much."""
        self.retention_units += units

    def bill_listing(self, units: int) -> None:
        """Count what an index was written for."""
        self.listing_units += units

    def bill_listing_read(self, units: float) -> None:
        """Count one read for a list that costs so much."""
        self.listing_read_units += units


def _write_units(size: int) -> int:
    return 1 if size <= _WRITE_UNIT_BYTES else -(-size // _WRITE_UNIT_BYTES)
