"""The meter: write units by the KiB, read units by four of them."""

from __future__ import annotations

import pytest

from holdfast_engine.meter import Meter


@pytest.mark.parametrize(
    ("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2048, 2), (2049, 3), (400_000, 391)]
)
def test_a_write_costs_by_the_kib(size: int, units: int) -> None:
    """Every begun KiB of an item is a unit, and nothing is free."""
    meter = Meter()
    meter.wrote(size)
    assert (meter.write_units, meter.writes, meter.read_units) == (units, 1, 0)


@pytest.mark.parametrize(("size", "units"), [(0, 1), (4096, 1), (4097, 2), (8192, 2), (400_000, 98)])
def test_a_read_costs_by_four_kib(size: int, units: int) -> None:
    """Every begun four KiB are a unit of a consistent read."""
    meter = Meter()
    meter.read(size)
    assert (meter.read_units, meter.reads, meter.write_units) == (units, 1, 0)


def test_costs_add_up() -> None:
    """Units and calls are counted side by side, and what retention costs stays apart."""
    meter = Meter()
    for size in (10, 2000, 3000):
        meter.wrote(size)
        meter.retired(size)
    assert (meter.write_units, meter.writes, meter.retention_units) == (6, 3, 6)
