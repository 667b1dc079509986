"""What was found once is not found again, and what is kept can be played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulation.minimise import listed, minimised, without
from tests.simulation.mutants.all import MUTANTS
from tests.simulation.regressions.kept import KEPT
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import run
from tests.simulation.workload.generator import generate


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_scenario_that_failed_once_does_not_fail_again(path: Path) -> None:
    """Each scenario that is kept plays to its end, and no checker finds anything."""
    assert run(Scenario.from_json(json.loads(path.read_text(encoding="utf-8")))).violation is None


def test_a_scenario_survives_being_kept() -> None:
    """Written down and read again, with its faults as a list, a scenario gives the same history."""
    scenario = generate(2)
    result = run(scenario)
    kept = json.loads(json.dumps(listed(scenario, result).to_json()))
    again = run(Scenario.from_json(kept))
    assert again.history.digest() == result.history.digest()


def test_what_does_not_matter_is_left_out() -> None:
    """Delta debugging keeps what is needed to fail, and nothing else."""
    assert without(list(range(40)), lambda kept: {3, 17, 31} <= set(kept)) == [3, 17, 31]


def test_a_failing_scenario_is_minimised() -> None:
    """What is left of a scenario that fails is smaller, and fails in the same way."""
    mutant = next(each for each in MUTANTS if each.name == "release before state")
    with mutant.at_work():
        seed = next(seed for seed in range(100) if _breaks(generate(seed), "K3"))
        smallest = minimised(generate(seed), tries_max=150)
        assert _breaks(smallest, "K3")
    assert len(smallest.requests) <= 2
    assert smallest.faults == ()


def _breaks(scenario: Scenario, name: str) -> bool:
    violation = run(scenario).violation
    return violation is not None and violation.name == name
