"""Print the benchmark: `python -m tests.bench [--quick] [part of a case's name …]`, or `make bench`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from tests.bench.cases import CASES, Case
from tests.bench.measure import Measured, measure_all
from tests.bench.server import bench_server
from tests.support.load import LoadClient

QUICK_SHARE = 0.05
ROW = "{:<26}{:>9}{:>10}{:>10}{:>9}{:>8}{:>8}   {}"


async def run(cases: Sequence[Case], ingress_url: str, *, share: float) -> list[Measured]:
    """Measure and print case after case."""
    print(ROW.format("", "per s", "p50 ms", "p99 ms", "CPU ms", "WRU", "RRU", "aim"))
    async with LoadClient(ingress_url) as client:
        return await measure_all(client, cases, share=share, tell=lambda measured: print(row(measured), flush=True))


def row(measured: Measured) -> str:
    """Return a line of the table."""
    return ROW.format(
        measured.case.name,
        f"{measured.per_second:.1f}",
        f"{measured.p50_ms:.1f}",
        f"{measured.p99_ms:.1f}",
        f"{measured.cpu_ms:.2f}",
        f"{measured.write_units:.1f}",
        f"{measured.read_units:.1f}",
        measured.case.aim if measured.is_within_budget else f"OVER BUDGET: {measured.case.write_units_max} WRU",
    )


def main() -> int:
    """Start a server, measure, stop it; the exit code says whether all is within budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only cases whose name contains one of these")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the requests")
    arguments = parser.parse_args()
    cases = [case for case in CASES if not arguments.names or any(name in case.name for name in arguments.names)]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; client and server share them.")
    print("Requests over HTTP with 32 outstanding; handlers in the server's process; every commit synced to disk.\n")
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        server = bench_server(Path(folder))
        server.start()
        try:
            measured = uvloop.run(run(cases, server.ingress_url, share=QUICK_SHARE if arguments.quick else 1.0))
        finally:
            server.stop()
    print("\nCPU is the server's, per request. WRU and RRU are the units that DynamoDB would have billed per request.")
    return 0 if all(each.is_within_budget for each in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
