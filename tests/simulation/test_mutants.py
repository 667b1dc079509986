"""The checkers are worth something: each engine that is broken on purpose is found."""

from __future__ import annotations

from itertools import count

import pytest

from tests.simulation.mutants.all import MUTANTS
from tests.simulation.mutants.mutant import Mutant
from tests.simulation.simulation import run
from tests.simulation.workload.generator import generate

# Most are found within a handful; a scenario takes a tenth of a second.
SEEDS_MAX = 250


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_engine_is_found(mutant: Mutant) -> None:
    """Within a bounded number of seeds some invariant does not hold."""
    assert found_after(mutant, SEEDS_MAX) is not None


def found_after(mutant: Mutant, seeds_max: int) -> int | None:
    """Return how many seeds it takes to find a mutant; None when more than allowed."""
    tried = 0
    with mutant.at_work():
        for seed in count():
            scenario = generate(seed)
            if mutant.weather not in (None, scenario.weather):
                continue
            tried += 1
            if run(scenario).violation is not None:
                return tried
            if tried == seeds_max:
                return None
    return None
