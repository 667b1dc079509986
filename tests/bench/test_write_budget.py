"""What work costs in DynamoDB's units and in handler invocations: counts are the contract, times are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bench.budget import Bill, Budget, open_budget

# The budget is promised for inputs of up to 600 bytes.
TEXT = '"' + "x" * 598 + '"'


@pytest.fixture
async def budget(tmp_path: Path) -> AsyncIterator[Budget]:
    """A server of our own per test: nothing else is on its bill."""
    async with open_budget(tmp_path) as budget:
        yield budget


def _check(bill: Bill, *, write_units_max: int, attempts: int) -> None:
    assert bill.write_units <= write_units_max, bill
    assert bill.attempts == attempts, bill


@pytest.mark.parametrize(
    ("path", "body", "write_units_max", "attempts"),
    [
        pytest.param("Bench/empty", TEXT, 3, 1, id="no-step"),
        pytest.param("Bench/steps", "1", 3, 1, id="1-step"),
        pytest.param("Bench/steps", "10", 13, 1, id="10-sequential-steps"),
        pytest.param("Bench/steps", "100", 120, 1, id="100-sequential-steps"),
        pytest.param("Bench/gathered_steps", "10", 5, 1, id="10-gathered-steps"),
        pytest.param("Tally/free/add", "1", 4, 1, id="uncontended-exclusive-call"),
        pytest.param("Bench/parent", TEXT, 8, 3, id="parent-and-child"),
    ],
)
async def test_within_budget(budget: Budget, path: str, body: str, write_units_max: int, attempts: int) -> None:
    """One call costs at most what the design promises for its kind."""
    _check(await budget.bill([(path, body)]), write_units_max=write_units_max, attempts=attempts)


async def test_a_contended_exclusive_call_costs_seven(budget: Budget) -> None:
    """Twenty calls of one key at once cost at most seven units each: queueing is three writes."""
    bill = await budget.bill([("Tally/hot/add", "1")] * 20)
    _check(bill, write_units_max=7 * 20, attempts=20)


async def test_a_sleep_costs_two(budget: Budget) -> None:
    """A durable sleep adds two units and one handler invocation to what the call costs without it."""
    without = await budget.bill([("Bench/empty", '"x"')])
    with_sleep = await budget.bill([("Bench/nap", "1200")])
    _check(with_sleep, write_units_max=without.write_units + 2, attempts=without.attempts + 1)


async def test_resuming_a_long_journal_costs_one_more(budget: Budget) -> None:
    """Each sleep behind 500 entries costs what a sleep costs and one unit: the tail page takes the new epoch."""
    without = await budget.bill([("Bench/resumed", "0")])
    resumed = await budget.bill([("Bench/resumed", "20")])
    _check(resumed, write_units_max=without.write_units + 20 * 3, attempts=21)


async def test_a_duplicate_costs_one(budget: Budget) -> None:
    """A known idempotent call is answered for the price of the create that was refused."""
    await budget.bill([("Bench/empty", '"x"')], idempotency_key="the-one")
    _check(await budget.bill([("Bench/empty", '"x"')], idempotency_key="the-one"), write_units_max=1, attempts=0)


async def test_reads_stay_away_from_the_main_path(budget: Budget) -> None:
    """A call that runs through where it was created reads nothing; a look at what to retire comes after the answer."""
    assert (await budget.bill([("Bench/empty", TEXT)])).read_units == 0
    assert (await budget.bill([("Bench/steps", "10")])).read_units <= 1
