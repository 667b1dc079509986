"""Mutants of ids that come back: how the later invocation of an id is told from the earlier one."""

from __future__ import annotations

from typing import Any

from holdfast_engine import submit
from holdfast_engine.records import Head, Page
from tests.simulation.mutants.mutant import mutant


def _from_one(right: Any) -> Any:
    def following(head: Head, predecessor: Head) -> Head:
        return head

    return following


def _of_anybody(right: Any) -> Any:
    def owns(self: Head, page: Page) -> bool:
        return True

    return owns


MUTANTS = (
    mutant("a new life begins at epoch 1", "J2", (submit, "following", _from_one)),
    mutant("pages of whoever had the id before are read", "J1", (Head, "owns", _of_anybody), weather="zombies"),
)
