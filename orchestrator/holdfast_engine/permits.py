"""Permits: the right of an invocation to run in a scope that has limits; pure operations on the one item of a scope.

An invocation holds a permit from before its attempt until it rests, and a permit counts in each counter of its limit
key at once: all of them are in one item, so that a permit is taken in one conditional write or not at all.

A permit bears the epoch that took it. Only who owns an epoch takes a permit for it, so:

* A process dies with a permit: whoever takes the invocation over finds it, and makes it its own.
* A zombie comes to its end after it was taken over: it returns what is older than its own epoch or as old, and the
  permit is younger by then. Before the successor has made it its own, it is counted anew.
* A permit is returned twice: the second time it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast_engine.scopes import counters_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """One invocation's permit, taken under an epoch."""

    invocation_id: str
    epoch: int
    limit_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """The permits of a scope that are out, in the order in which they were taken."""

    out: tuple[Permit, ...] = ()

    def of(self, invocation_id: str) -> Permit | None:
        """Return an invocation's permit."""
        return next((permit for permit in self.out if permit.invocation_id == invocation_id), None)

    def has_room(self, limit_key: str | None, limits: Mapping[str, int]) -> bool:
        """Return whether one more fits within the limits of all its counters."""
        return all(
            counter not in limits or self._count(counter) < limits[counter] for counter in counters_of(limit_key)
        )

    def _count(self, counter: str) -> int:
        return sum(counter in counters_of(permit.limit_key) for permit in self.out)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Waiting:
    """An invocation's place in the line of a scope: older ones first."""

    since_ms: int
    invocation_id: str
    limit_key: str | None = field(compare=False)


NONE_OUT = Permits()


def take(permits: Permits, permit: Permit, *, limits: Mapping[str, int]) -> Permits | None:
    """Give out a permit, or make one's own that an earlier epoch of the same invocation has left.

    Limits that were lowered meanwhile take no permit from anybody.
    """
    others = tuple(each for each in permits.out if each.invocation_id != permit.invocation_id)
    left = permits.of(permit.invocation_id)
    if left is not None:
        return Permits(out=(*others, permit)) if left.epoch <= permit.epoch else None
    return Permits(out=(*others, permit)) if permits.has_room(permit.limit_key, limits) else None


def give_back(permits: Permits, *, invocation_id: str, epoch: int) -> Permits | None:
    """Return a permit of an epoch or an earlier one; None when there is none."""
    left = permits.of(invocation_id)
    if left is None or left.epoch > epoch:
        return None
    return Permits(out=tuple(each for each in permits.out if each.invocation_id != invocation_id))
