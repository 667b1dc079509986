"""Every invariant of the design has a checker of its name, which says what it verifies."""

from __future__ import annotations

import re

from tests.simulation.simulation import Simulation
from tests.simulation.watch import Checker
from tests.simulation.workload.generator import generate

INVARIANTS = {"J1", "J2", "R1", "R2", "D1", "D2", "K1", "K2", "K3", "O1", "I1", "T1", "C1", "P1"}


def test_every_invariant_has_a_checker() -> None:
    """The checkers of a simulation begin with the names of all invariants, and know no others."""
    named = [re.match(r"[A-Z]\d\b", _says(checker)) for checker in _checkers()]
    assert {name.group() for name in named if name is not None} == INVARIANTS


def test_a_checker_says_what_it_verifies() -> None:
    """Each checker has a sentence for what must hold, and more on what of it is verified."""
    for checker in _checkers():
        assert re.search(r"\n\s*Verifies", _says(checker)), type(checker).__name__


def _checkers() -> list[Checker]:
    return [checker for seed in range(20) for checker in Simulation(generate(seed)).watch.checkers]


def _says(checker: Checker) -> str:
    return type(checker).__doc__ or ""
