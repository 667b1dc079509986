"""The hunt for a mutant: seeds are played, one after the other, until some invariant does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.simulation.mutants.mutant import Mutant
from tests.simulation.simulation import run
from tests.simulation.watch import Violation
from tests.simulation.workload.generator import generate


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """The seed that gave a mutant away, after how many were played, and what did not hold."""

    seed: int
    tried: int
    violation: Violation


def hunt(mutant: Mutant, seeds: Iterable[int], *, tries_max: int) -> Caught | None:
    """Play seeds of the mutant's weather with the mutant at work; None when it is not found within so many."""
    tried = 0
    with mutant.at_work():
        for seed in seeds:
            scenario = generate(seed)
            if mutant.weather not in (None, scenario.weather):
                continue
            tried += 1
            violation = run(scenario).violation
            if violation is not None:
                return Caught(seed=seed, tried=tried, violation=violation)
            if tried == tries_max:
                return None
    return None
