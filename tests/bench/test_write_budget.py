"""What work costs in DynamoDB's units and in handler invocations: counts are the contract, times are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bench.budget import Bill, Budget, open_budget, open_dynamo_budget
from tests.support.dynamo_stores import client_of
from tests.support.dynoxide import Dynoxide

# The budget is promised for inputs of up to 600 bytes.
TEXT = '"' + "x" * 598 + '"'


@pytest.fixture(params=["counted", "billed"])
async def budget(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Budget]:
    """A server of our own per test: nothing else is on its bill, which our store counts or DynamoDB writes."""
    if request.param == "counted":
        async with open_budget(tmp_path) as budget:
            yield budget
    else:
        async with open_dynamo_budget(client_of(request.getfixturevalue("dynoxide").url)) as budget:
            yield budget


async def _bill(budget: Budget, path: str, body: str) -> Bill:
    """Return what one call costs; where it has a child, the least of three.

    Whether the child ends before its caller is at rest is up to the machine, and makes a unit of difference.
    """
    bills = [await budget.bill([(path, body)]) for _ in range(3 if path == "Bench/parent" else 1)]
    return min(bills, key=lambda bill: bill.write_units)


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
    _check(await _bill(budget, path, body), write_units_max=write_units_max, attempts=attempts)


@pytest.mark.parametrize(("steps", "units_max"), [("10", 13), ("100", 120)])
async def test_within_budget_with_retention(budget: Budget, steps: str, units_max: int) -> None:
    """Marking each page with its time to live is within the budget of sequential steps as well."""
    bill = await budget.bill([("Bench/steps", steps)])
    assert bill.write_units + bill.retention_units <= units_max, bill


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("Bench/empty", TEXT),
        ("Bench/steps", "1"),
        ("Bench/steps", "10"),
        ("Bench/steps", "100"),
        ("Bench/gathered_steps", "10"),
        ("Tally/free/add", "1"),
        ("Bench/parent", TEXT),
        ("Bench/nap", "1200"),
    ],
)
async def test_our_count_is_dynamodbs(tmp_path: Path, dynoxide: Dynoxide, path: str, body: str) -> None:
    """What the embedded store counts is what DynamoDB says it consumed, unit by unit."""
    async with open_budget(tmp_path) as counted, open_dynamo_budget(client_of(dynoxide.url)) as billed:
        ours, theirs = await _bill(counted, path, body), await _bill(billed, path, body)
    assert (ours.write_units, ours.retention_units) == (theirs.write_units, theirs.retention_units)
    assert ours.attempts == theirs.attempts


async def test_a_fan_out_costs_no_more_than_its_parts(budget: Budget) -> None:
    """Twenty calls at once cost what one call with its child costs, and at most four units for each further one."""
    _check(await budget.bill([("Bench/fan_out", "20")]), write_units_max=8 + 19 * 4, attempts=22)


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
