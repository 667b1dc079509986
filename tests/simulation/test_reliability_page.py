"""The page on reliability speaks of everything that there is now, and can be written."""

from __future__ import annotations

from tests.simulation.long_run import run_seeds
from tests.simulation.mutants.all import MUTANTS
from tests.simulation.mutants.hunt import Caught
from tests.simulation.regressions.kept import KEPT
from tests.simulation.reliability import AWS_KILLS, HOSTILE, LIMITS, PAGE
from tests.simulation.reliability_page import Kills, Page, written
from tests.simulation.watch import Violation
from tests.simulation.world.faults import DESCRIPTIONS
from tests.support.tree import ROOT


def test_the_page_is_of_now() -> None:
    """Each fault, broken engine, finding, reader of strangers' bytes and limit is on the page."""
    text = PAGE.read_text(encoding="utf-8")
    mutants, findings = (mutant.name for mutant in MUTANTS), (path.stem for path in KEPT)
    names = [*DESCRIPTIONS.values(), *mutants, *findings, *HOSTILE, *LIMITS]
    assert [name for name in names if name not in text] == []


def test_what_it_names_exists() -> None:
    """The tests that the page sends its readers to are there."""
    paths = [AWS_KILLS, *HOSTILE.values(), *(path for _, path in LIMITS.values())]
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_figures_are_those_that_were_measured() -> None:
    """What a run came to is what the page says of it."""
    caught = {
        mutant.name: Caught(seed=4711, tried=1, violation=Violation(mutant.breaks, "it does not hold"))
        for mutant in MUTANTS
    }
    page = Page(
        ran=run_seeds(range(2)),
        caught=caught,
        regressions=("a-finding",),
        kill_rounds=23,
        kills_passed=2,
        damage_passed=6,
        aws_kills=Kills(rounds=19, processes=987, invocations=321),
        limits={"a journal": ("it is paused", "tests/b.py")},
        limits_passed=17,
        hostile={"frames": ("tests/a.py", 12345)},
    )
    text = written(page)
    for figure in (
        "| seeds played | 2 |",
        "12,345",
        "killed with -9 23 times",
        "987 of them",
        "in 19\nrounds",
        "`a-finding`",
        "| 4711 |",
    ):
        assert figure in text
