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

from examples.demo.processes import DevServer
from tests.bench.cases import CASES, Case
from tests.bench.measure import Measured, measure
from tests.support.load import LoadClient

QUICK_SHARE = 0.05
ROW = "{:<26}{:>9}{:>10}{:>10}{:>9}{:>8}{:>8}   {}"


def bench_server(folder: Path) -> DevServer:
    """Return a server with the measured handlers and a route that tells its figures."""
    return DevServer(["tests.bench.services"], folder=folder, program=[sys.executable, "-m", "tests.bench.server"])


async def run(cases: Sequence[Case], ingress_url: str, *, share: float) -> None:
    """Measure and print case after case."""
    print(ROW.format("", "per s", "p50 ms", "p99 ms", "CPU ms", "WRU", "RRU", "aim"))
    measured_by_name: dict[str, Measured] = {}
    async with LoadClient(ingress_url) as client:
        for case in cases:
            measured = measured_by_name[case.name] = await measure(client, case, share=share)
            print(row(measured, measured_by_name.get(case.compared_with or "")), flush=True)


def row(measured: Measured, without: Measured | None) -> str:
    """Return a line of the table; costs are shown beyond those of the case it is compared with."""
    cpu_ms, write_units, read_units = measured.cpu_ms, measured.write_units, measured.read_units
    if without is not None:
        cpu_ms -= without.cpu_ms
        write_units -= without.write_units
        read_units -= without.read_units
    return ROW.format(
        measured.case.name,
        f"{measured.per_second:.1f}",
        f"{measured.p50_ms:.1f}",
        f"{measured.p99_ms:.1f}",
        f"{cpu_ms:.2f}",
        f"{write_units:.1f}",
        f"{read_units:.1f}",
        measured.case.aim,
    )


def main() -> None:
    """Start a server, measure, stop it."""
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
            uvloop.run(run(cases, server.ingress_url, share=QUICK_SHARE if arguments.quick else 1.0))
        finally:
            server.stop()
    print("\nCPU is the server's, per request. WRU and RRU are the units that DynamoDB would have billed per request.")


if __name__ == "__main__":
    main()
