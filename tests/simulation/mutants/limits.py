"""Mutants of limits: who gets a permit, how they are counted, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast_engine import attempt, permits
from holdfast_engine.permits import Permit, Permits
from holdfast_engine.records import Head
from holdfast_engine.world import World
from tests.simulation.mutants.mutant import mutant

_ANY_EPOCH = 1_000_000


def _everybody(right: Any) -> Any:
    async def admit(world: World, head: Head) -> bool:
        return True

    return admit


def _uncounted(right: Any) -> Any:
    def take(out: Permits, permit: Permit, *, limits: Mapping[str, int]) -> Permits | None:
        taken: Permits | None = right(out, permit, limits={})
        return taken

    return take


def _of_anybody(right: Any) -> Any:
    def give_back(out: Permits, *, invocation_id: str, epoch: int) -> Permits | None:
        returned: Permits | None = right(out, invocation_id=invocation_id, epoch=_ANY_EPOCH)
        return returned

    return give_back


MUTANTS = (
    mutant("runs without a permit", "limits", (attempt, "admit", _everybody)),
    mutant("permits are not counted", "limits", (permits, "take", _uncounted)),
    mutant("a zombie gives its successor's permit back", "limits", (permits, "give_back", _of_anybody)),
)
