"""The checkers are worth something: each engine that is broken on purpose is found."""

from __future__ import annotations

from itertools import chain, count

import pytest

from tests.simulation.mutants.all import MUTANTS, SEED_BY_MUTANT, SEEDS_MAX
from tests.simulation.mutants.hunt import hunt
from tests.simulation.mutants.mutant import Mutant
from tests.simulation.simulation import run
from tests.simulation.workload.generator import generate


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_engine_is_found(mutant: Mutant) -> None:
    """Within a bounded number of seeds some invariant does not hold, which the right engine keeps."""
    caught = hunt(mutant, chain([SEED_BY_MUTANT.get(mutant.name, 0)], count()), tries_max=SEEDS_MAX)
    assert caught is not None
    assert run(generate(caught.seed)).violation is None


def test_the_mutants_are_many() -> None:
    """There are more than fifteen, each has a name of its own, and each was found from seed 0 on."""
    names = {mutant.name for mutant in MUTANTS}
    assert len(names) == len(MUTANTS) > 15
    assert SEED_BY_MUTANT.keys() == names
