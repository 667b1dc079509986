"""Histories of one virtual object: what its clients asked for and got, as operations on its state.

An exclusive handler that reads and writes several times is one operation for each: between two of them a shared handler
may look, and nobody else may write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.simulation.linear.search import Operation
from tests.simulation.workload.programs import Statement


@dataclass(frozen=True, slots=True)
class Held:
    """The state of an object, and how far whoever holds its key has come; `holder` is None while nobody does."""

    values: tuple[tuple[str, Any], ...] = ()
    holder: int | None = None
    done: int = 0

    def value(self, name: str) -> Any:
        """Return a value, or None."""
        return dict(self.values).get(name)

    def with_value(self, name: str, value: Any) -> tuple[tuple[str, Any], ...]:
        """Return the values with one of them changed."""
        return tuple(sorted({**dict(self.values), name: value}.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One invocation of an object, as its clients saw it; `seen` is None when nobody knows what it came to.

    `is_sure`: it has happened, and to its end.
    """

    number: int
    since: float
    until: float
    is_shared: bool
    is_sure: bool
    body: Sequence[Statement]
    seen: Sequence[Any] | None


def operations_of(turns: Sequence[Turn]) -> list[Operation[Held]]:
    """Return what the turns did to the object."""
    unsure = frozenset(turn.number for turn in turns if not turn.is_sure)
    return [operation for turn in turns for operation in _operations(turn, unsure)]


def _operations(turn: Turn, unsure: frozenset[int]) -> list[Operation[Held]]:
    touching = [number for number, statement in enumerate(turn.body) if statement[0] in _TOUCHING]
    operations = []
    for place, number in enumerate(touching):
        statement = turn.body[number]
        seen = _ANYTHING if turn.seen is None else turn.seen[number]
        touch = partial(_TOUCHING[statement[0]], arguments=statement[1:], seen=seen)
        if turn.is_shared:
            apply: Callable[[Held], Held | None] = partial(_look, touch=touch)
        else:
            is_last = place == len(touching) - 1
            apply = partial(_hold, touch=touch, turn=turn.number, place=place, is_last=is_last, unsure=unsure)
        operations.append(
            Operation(
                what=f"turn {turn.number}: {statement} sees {seen}",
                since=turn.since,
                until=turn.until,
                is_sure=turn.is_sure,
                apply=apply,
            )
        )
    return operations


class _Anything:
    """What nobody saw may have been anything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


_ANYTHING = _Anything()


def _look(held: Held, *, touch: Callable[[Held], Held | None]) -> Held | None:
    return None if touch(held) is None else held


def _hold(
    held: Held,
    *,
    touch: Callable[[Held], Held | None],
    turn: int,
    place: int,
    is_last: bool,
    unsure: frozenset[int],
) -> Held | None:
    # Whoever was ended in the middle has let go of the key, and nobody was told when.
    is_free = held.holder is None or held.holder in unsure
    if not (is_free if place == 0 else (held.holder, held.done) == (turn, place)):
        return None
    after = touch(held)
    if after is None:
        return None
    return Held(after.values) if is_last else Held(after.values, turn, place + 1)


def _get(held: Held, *, arguments: Sequence[Any], seen: Any) -> Held | None:
    return held if seen == held.value(arguments[0]) else None


def _add(held: Held, *, arguments: Sequence[Any], seen: Any) -> Held | None:
    name, amount = arguments
    total = (held.value(name) or 0) + amount
    return Held(held.with_value(name, total), held.holder, held.done) if seen == total else None


def _set(held: Held, *, arguments: Sequence[Any], seen: Any) -> Held | None:
    name, value = arguments
    return Held(held.with_value(name, value), held.holder, held.done)


_TOUCHING: dict[str, Callable[..., Held | None]] = {"get": _get, "add": _add, "set": _set}
