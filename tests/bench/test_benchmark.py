"""The benchmark itself, played quickly: it runs, and over HTTP too everything stays within budget."""

from __future__ import annotations

from pathlib import Path

from tests.bench.cases import CASES
from tests.bench.measure import measure_all
from tests.bench.server import bench_server
from tests.support.load import LoadClient


async def test_every_case_stays_within_budget(tmp_path: Path) -> None:
    """Each case of `make bench` costs at most the write units that are promised for it."""
    server = bench_server(tmp_path)
    server.start()
    try:
        async with LoadClient(server.ingress_url) as client:
            told = await measure_all(client, CASES, share=0.02, tell=lambda _: None)
    finally:
        server.stop()
    assert {each.case.name: each.write_units for each in told if not each.is_within_budget} == {}
