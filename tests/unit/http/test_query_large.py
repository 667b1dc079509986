"""Queries that would take more time, memory or stack than there is: refused, and the next one is answered."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator

import pytest

from holdfast_http.query.budget import QueryRefused
from holdfast_http.query.process import QueryProcess
from holdfast_http.query.queries import Queries
from tests.support.fake_engine import FakeEngine

pytest.importorskip("pyarrow", reason="SQL needs the extra `sql`")

GIANT = "SELECT repeat('x', 2000000000)"
LARGE = [
    "SELECT COUNT(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b WHERE a.value + b.value = 7",
    "SELECT array_agg(value) FROM generate_series(1, 100000000)",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "+".join(["1"] * 5000),
    "SELECT 1 WHERE " + " OR ".join(f"{each} = 1" for each in range(3000)),
    "SELECT " + "abs(" * 2000 + "1" + ")" * 2000,
    " UNION ALL ".join(["SELECT 1"] * 2000),
    "SELECT * FROM " + ", ".join(f"sys_service s{each}" for each in range(60)),
    "SELECT 'x" + "y" * 99_000 + "'",
]


@pytest.fixture
async def process() -> AsyncIterator[QueryProcess]:
    """The process that has to bear them."""
    process = QueryProcess()
    yield process
    await process.end()


@pytest.mark.parametrize("query", LARGE, ids=range(len(LARGE)))
async def test_large_queries(process: QueryProcess, query: str) -> None:
    """Whatever a query would take, it is answered or refused as the caller's fault, and the next one is answered."""
    engine = FakeEngine().as_engine
    try:
        await Queries(engine, process=process, seconds_max=1.0).run(query, as_json=True)
    except QueryRefused as refused:
        assert refused.status == 400
    answer = await Queries(engine, process=process).run("SELECT 1 AS one", as_json=True)
    assert json.loads(answer) == {"rows": [{"one": 1}]}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not enforce the limit")
async def test_memory_that_no_pool_counts(process: QueryProcess) -> None:
    """What an expression alone would take ends the process, and not the machine's memory."""
    with pytest.raises(QueryRefused, match="the process that runs queries ended") as refused:
        await Queries(FakeEngine().as_engine, process=process, seconds_max=60.0).run(GIANT, as_json=True)
    assert refused.value.status == 400
