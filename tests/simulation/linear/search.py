"""The search for an order: whether operations that overlapped can have happened one at a time.

The algorithm is the one of Wing and Gong with the memory of Lowe, as porcupine has it: go through the operations in
every order that respects which ended before which began, and never look twice at the same rest from the same state.
No library for Python does this, or this would use it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)


class TooLarge(Exception):
    """There are more orders than anybody wants to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[State]):
    """Something that took hold at one moment between two times.

    `until` is infinite when nobody was told that it is over; `is_sure` is false when it may never have happened.
    `apply` returns the state behind it, or None when it cannot have happened in this state as it was seen to.
    """

    what: str
    since: float
    until: float
    is_sure: bool
    apply: Callable[[State], State | None]


def linearized(
    operations: Sequence[Operation[State]], state: State, *, looks_max: int
) -> list[Operation[State]] | None:
    """Return the operations in an order in which each can have happened as it was seen to; None when there is none.

    Raises:
        TooLarge: It would take more looks than allowed.
    """
    search = _Search(operations, looks_max)
    return search.order if search.goes_on((1 << len(operations)) - 1, state) else None


class _Search(Generic[State]):
    def __init__(self, operations: Sequence[Operation[State]], looks_max: int) -> None:
        self.order: list[Operation[State]] = []
        self._operations = operations
        self._looks_left = looks_max
        self._seen: set[tuple[int, State]] = set()

    def goes_on(self, rest: int, state: State) -> bool:
        """Return whether the rest of the operations, one bit each, can follow; `order` then has them."""
        left = [number for number in range(len(self._operations)) if rest >> number & 1]
        if not any(self._operations[number].is_sure for number in left):
            return True
        if (rest, state) in self._seen:
            return False
        self._seen.add((rest, state))
        self._looks_left -= 1
        if self._looks_left < 0:
            raise TooLarge(f"{len(self._operations)} operations")
        # Whatever begins behind the end of another that is left cannot come before it.
        first_end = min((self._operations[each].until for each in left if self._operations[each].is_sure), default=inf)
        for number in left:
            operation = self._operations[number]
            if operation.since > first_end:
                continue
            after = operation.apply(state)
            if after is None:
                continue
            self.order.append(operation)
            if self.goes_on(rest & ~(1 << number), after):
                return True
            self.order.pop()
        return False
