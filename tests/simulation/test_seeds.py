"""The invariants hold: in three hundred histories full of faults, and each history is its seed's."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import get_args

import pytest

from tests.simulation.long_run import Ran, played, smallest_text
from tests.simulation.scenario import What
from tests.simulation.simulation import run
from tests.simulation.workload.generator import generate
from tests.simulation.workload.handlers import VERBS
from tests.simulation.world.faults import Kind
from tests.support.tree import ROOT

SEEDS = 300

# A minute of work on two cores, and more where others want them as well.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def ran() -> Ran:
    """What three hundred seeds come to."""
    ran = Ran()
    for part in played(0, SEEDS, jobs=os.cpu_count() or 1):
        ran.add(part)
    return ran


def test_the_invariants_hold(ran: Ran) -> None:
    """No checker finds anything; of what fails the first seed is shown, minimised and with its history."""
    assert not ran.failures, f"{ran.failures}\n{smallest_text(ran.failures[0][0])}"
    assert ran.stats["completed"] > SEEDS


def test_everything_that_can_go_wrong_does(ran: Ran) -> None:
    """Each kind of fault happens in these histories, and each order of an operator is carried out."""
    assert {kind.value for kind in Kind} - ran.faults.keys() == set()
    assert set(get_args(What)) - ran.orders.keys() == set()


def test_programs_do_everything(ran: Ran) -> None:
    """Each statement of which programs are made is part of some, so that nothing is only thought to be tried."""
    assert set(VERBS) - ran.verbs.keys() == set()


def test_histories_are_searched_for_an_order(ran: Ran) -> None:
    """Objects and idempotency keys that several clients ask for are there, and their searches come to an end."""
    assert ran.stats["objects_linearized"] > SEEDS / 10
    assert ran.stats["keys_linearized"] > SEEDS
    assert ran.stats["objects_undecided"] == 0


def test_one_seed_is_one_history() -> None:
    """Played again, also by an interpreter that hashes differently, a seed gives the same history to the last byte."""
    seeds = (3, 12, 21)
    first = [run(generate(seed)).history.digest() for seed in seeds]
    assert [run(generate(seed)).history.digest() for seed in seeds] == first
    program = (
        "from tests.simulation.simulation import run; from tests.simulation.workload.generator import generate;"
        f"print(*(run(generate(seed)).history.digest() for seed in {seeds}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == first
