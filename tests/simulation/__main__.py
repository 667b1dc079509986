"""The long run from a prompt: many seeds, one seed with its history, or the hunt for the mutants."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from itertools import count

from tests.simulation.long_run import TRIES_MAX, Ran, as_text, played, smallest_text
from tests.simulation.minimise import minimised
from tests.simulation.mutants.all import KEPT, MUTANTS
from tests.simulation.mutants.hunt import hunt
from tests.simulation.regressions.kept import FOLDER
from tests.simulation.simulation import run
from tests.simulation.workload.generator import generate

_HUNT_MAX = 400


def main() -> int:
    """Run what the command line asks for; 1 when an invariant does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="one seed, with its history")
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("--keep", metavar="NAME", help="minimise what the seed finds, and keep it as a regression")
    parser.add_argument("--mutants", action="store_true", help="hunt every mutant from seed 0 on, and keep the seeds")
    options = parser.parse_args()
    if options.mutants:
        return _hunt_all()
    if options.seed is not None:
        return _one(options.seed, options.keep)
    return _many(options.first, options.seeds, options.jobs)


def _one(seed: int, name: str | None) -> int:
    scenario = generate(seed)
    result = run(scenario)
    if name is not None and result.violation is not None:
        scenario = minimised(scenario, tries_max=TRIES_MAX)
        text = json.dumps(scenario.to_json(), indent=1)
        (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
        result = run(scenario)
    print(as_text(scenario, result))
    return int(result.violation is not None)


def _many(first: int, seeds: int, jobs: int) -> int:
    began_s = time.monotonic()
    ran = Ran()
    for part in played(first, seeds, jobs=jobs):
        for seed, what in part.failures:
            print(f"seed {seed}: {what}", flush=True)
        if part.failures and not ran.failures:
            # The first one in full: minimised, with its history.
            print(smallest_text(part.failures[0][0]), flush=True)
        ran.add(part)
    print(f"{dict(ran.stats)}\nfaults {dict(ran.faults)}\norders {dict(ran.orders)}")
    print(f"{len(ran.failures)} violations in {time.monotonic() - began_s:.0f} s")
    return int(bool(ran.failures))


def _hunt_all() -> int:
    kept: dict[str, int] = {}
    for mutant in MUTANTS:
        caught = hunt(mutant, count(), tries_max=_HUNT_MAX)
        what = "not found" if caught is None else f"seed {caught.seed}, {caught.tried} played: {caught.violation}"
        print(f"{mutant.name}: {what}", flush=True)
        if caught is not None:
            kept[mutant.name] = caught.seed
    KEPT.write_text(f"{json.dumps(kept, indent=1)}\n", encoding="utf-8")
    print(f"{len(kept)} of {len(MUTANTS)} mutants found")
    return int(len(kept) < len(MUTANTS))


if __name__ == "__main__":
    sys.exit(main())
