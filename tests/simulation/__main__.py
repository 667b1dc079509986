"""The long run: many seeds on all cores, and a failing one with its readable history."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.minimise import minimised
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import Result, run
from tests.simulation.workload.generator import describe, generate

REGRESSIONS = Path(__file__).parent / "regressions"

_CHUNK = 25
_TRIES_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What some seeds came to."""

    stats: Counter[str]
    faults: Counter[str]
    failures: tuple[tuple[int, str], ...]


def run_seeds(seeds: range) -> Ran:
    """Simulate seeds."""
    stats: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    failures: list[tuple[int, str]] = []
    for seed in seeds:
        result = run(generate(seed))
        stats.update(result.stats)
        stats["seeds"] += 1
        faults.update({kind.value: count for kind, count in result.faults_by_kind.items()})
        if result.violation is not None:
            failures.append((seed, str(result.violation)))
    return Ran(stats=stats, faults=faults, failures=tuple(failures))


def main() -> int:
    """Run what the command line asks for; 1 when an invariant does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="one seed, with its history")
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("--keep", metavar="NAME", help="minimise what the seed finds, and keep it as a regression")
    options = parser.parse_args()
    if options.seed is not None:
        return _one(options.seed, options.keep)
    return _many(options.first, options.seeds, options.jobs)


def _one(seed: int, name: str | None) -> int:
    scenario = generate(seed)
    result = run(scenario)
    if name is not None and result.violation is not None:
        scenario = minimised(scenario, tries_max=_TRIES_MAX)
        text = json.dumps(scenario.to_json(), indent=1)
        (REGRESSIONS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
        result = run(scenario)
    _show(scenario, result)
    return int(result.violation is not None)


def _show(scenario: Scenario, result: Result) -> None:
    print("\n".join([*describe(scenario), *result.history.lines()]))
    print(f"{dict(result.stats)}, faults {dict(result.faults_by_kind)}, digest {result.history.digest()}")
    print(result.violation or "no violation")


def _many(first: int, count: int, jobs: int) -> int:
    began_s = time.monotonic()
    stats: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    failures: list[tuple[int, str]] = []
    for ran in _ran(first, count, jobs):
        stats.update(ran.stats)
        faults.update(ran.faults)
        for seed, what in ran.failures:
            failures.append((seed, what))
            print(f"seed {seed}: {what}", flush=True)
            if len(failures) == 1:
                # The first one in full: minimised, with its history.
                smallest = minimised(generate(seed), tries_max=_TRIES_MAX)
                _show(smallest, run(smallest))
    print(f"{dict(stats)}\nfaults {dict(faults)}\n{len(failures)} violations in {time.monotonic() - began_s:.0f} s")
    return int(bool(failures))


def _ran(first: int, count: int, jobs: int) -> Iterator[Ran]:
    chunks = [range(start, min(start + _CHUNK, first + count)) for start in range(first, first + count, _CHUNK)]
    if jobs == 1:
        yield from map(run_seeds, chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_seeds, chunks)


if __name__ == "__main__":
    sys.exit(main())
