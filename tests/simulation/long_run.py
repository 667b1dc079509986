"""Many seeds on all cores, what they come to, and a failing one as people read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.simulation.minimise import minimised
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import Result, run
from tests.simulation.workload.generator import describe, generate
from tests.simulation.workload.programs import verbs_in

_CHUNK = 25
TRIES_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What some seeds came to. `orders`: what operators did; `verbs`: the programs that each statement was part of."""

    stats: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Ran) -> None:
        """Take in what other seeds came to."""
        self.stats.update(other.stats)
        self.faults.update(other.faults)
        self.orders.update(other.orders)
        self.verbs.update(other.verbs)
        self.failures.extend(other.failures)


def run_seeds(seeds: Iterable[int]) -> Ran:
    """Simulate seeds."""
    ran = Ran()
    for seed in seeds:
        scenario = generate(seed)
        result = run(scenario)
        ran.stats.update(result.stats)
        ran.stats["seeds"] += 1
        ran.faults.update({kind.value: count for kind, count in result.faults_by_kind.items()})
        ran.orders.update(result.orders)
        for program in scenario.programs:
            ran.verbs.update(verbs_in(program.body))
        if result.violation is not None:
            ran.failures.append((seed, str(result.violation)))
    return ran


def played(first: int, count: int, *, jobs: int) -> Iterator[Ran]:
    """Simulate so many seeds, and yield what they come to in portions."""
    chunks = [range(start, min(start + _CHUNK, first + count)) for start in range(first, first + count, _CHUNK)]
    if jobs == 1:
        yield from map(run_seeds, chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run_seeds, chunks)


def as_text(scenario: Scenario, result: Result) -> str:
    """Return a scenario and its history as people read them."""
    lines = [*describe(scenario), *result.history.lines()]
    lines.append(f"{dict(result.stats)}, faults {dict(result.faults_by_kind)}, digest {result.history.digest()}")
    lines.append(str(result.violation or "no violation"))
    return "\n".join(lines)


def smallest_text(seed: int) -> str:
    """Return the smallest scenario found that fails as a seed does, with its history."""
    scenario = minimised(generate(seed), tries_max=TRIES_MAX)
    return as_text(scenario, run(scenario))
