"""A wide fan-out costs what its parts cost: work grows with their number, not with its square."""

from __future__ import annotations

import gc
import time
from pathlib import Path

from tests.bench.budget import Bill, Budget, open_budget, open_dynamo_budget
from tests.support.dynamo_stores import client_of
from tests.support.dynoxide import Dynoxide

NARROW, WIDE = 250, 1000
# Four times the children; work by the square would be sixteen times as much.
RATIO_MAX = 6.0


async def fan_out(budget: Budget, width: int) -> Bill:
    """Return what a parent costs that calls so many children at once and waits for all."""
    bill = await budget.bill([("Bench/fan_out", str(width))])
    # Its own two attempts, and one for each child: nobody runs it again for each result.
    assert bill.attempts == width + 2, bill
    return bill


async def cpu_s(budget: Budget, width: int) -> float:
    """Return the least processor time of several tries: what else the machine does only adds."""
    times = []
    for _ in range(3):
        gc.collect()
        began = time.process_time()
        await fan_out(budget, width)
        times.append(time.process_time() - began)
    return min(times)


async def test_processor_time_grows_with_the_width(tmp_path: Path) -> None:
    """A thousand children take less than six times the processor time of 250."""
    async with open_budget(tmp_path) as budget:
        await fan_out(budget, 10)
        narrow, wide = await cpu_s(budget, NARROW), await cpu_s(budget, WIDE)
    assert wide / narrow < RATIO_MAX, f"{wide:.2f} s for {WIDE} and {narrow:.2f} s for {NARROW}"


async def test_units_grow_with_the_width(tmp_path: Path) -> None:
    """Each child of a thousand costs the units that each of 250 costs, and the parent a little once."""
    async with open_budget(tmp_path) as budget:
        narrow, wide = await fan_out(budget, NARROW), await fan_out(budget, WIDE)
    assert wide.write_units < 4.1 * narrow.write_units
    assert wide.read_units < 4.5 * narrow.read_units


async def test_requests_to_dynamodb_grow_with_the_width(dynoxide: Dynoxide) -> None:
    """On DynamoDB, too, four times the children take about four times the reads and writes."""
    async with open_dynamo_budget(client_of(dynoxide.url)) as budget:
        narrow, wide = await fan_out(budget, 50), await fan_out(budget, 200)
    assert wide.write_units < 4.1 * narrow.write_units
    # How many look for each other's notes at once is a matter of chance.
    assert wide.read_units < RATIO_MAX * narrow.read_units
