"""What the reference run costs on AWS, from requests that were counted."""

from __future__ import annotations

import asyncio

import pytest

from tests.bench.cost.bill import LOAD, RUNS, Bill, measured, table
from tests.bench.cost.page import PAGE, figures
from tests.support.dynoxide import Dynoxide

# What a million runs may cost; a million runs are load, so it is said of those that come together.
DOLLARS_MAX = 20.0
# How many messages find themselves in one batch is a matter of moments, and decides on a few requests of many.
MOMENTS = 0.25
MOMENTS_ALTOGETHER = 0.04


@pytest.fixture(scope="module")
def bills(dynoxide: Dynoxide) -> tuple[Bill, Bill]:
    """One run alone, and many at once."""
    return asyncio.run(measured(dynoxide.url, 1)), asyncio.run(measured(dynoxide.url, LOAD))


def test_a_million_runs_cost_less_than_twenty_dollars(bills: tuple[Bill, Bill]) -> None:
    """Under load, when messages come in batches, a million reference runs stay below the bound."""
    print(table(*bills))
    _, load = bills
    assert load.dollars < DOLLARS_MAX


def test_writes_do_not_depend_on_load(bills: tuple[Bill, Bill]) -> None:
    """Each run is 23 write units, alone or among others: no mark when it ends, no note in its own process."""
    for bill in bills:
        assert bill.usage.write_units == pytest.approx(23, abs=0.5)


def test_the_page_says_what_is_measured(bills: tuple[Bill, Bill]) -> None:
    """The printed table holds today's figures; under load as nearly as moments allow."""
    stated, today = figures(PAGE.read_text(encoding="utf-8")), figures(table(*bills))
    assert stated.keys() == today.keys(), "run `python -m tests.bench.cost`"
    for title, numbers in today.items():
        assert stated[title] == pytest.approx(numbers, rel=MOMENTS, abs=0.1), (
            f"{title}: run `python -m tests.bench.cost`"
        )


def test_a_price_is_its_parts(bills: tuple[Bill, Bill]) -> None:
    """What the table adds up is what the formula says."""
    for bill in bills:
        used = bill.usage
        requests = 0.625 * used.write_units + 0.125 * used.read_units
        requests += 0.40 * used.sqs_requests + 0.20 * used.invocations
        others = used.gb_seconds * 1.33334e-5 + used.gb_months * 0.25
        walks = 0.125 * bill.walks.read_units
        assert bill.dollars == pytest.approx(requests + walks + RUNS * others)
