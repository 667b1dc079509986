"""The search for an order finds those that there are, and refuses histories that no order explains."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from tests.simulation.linear import creation, objects
from tests.simulation.linear.creation import Asking
from tests.simulation.linear.objects import Held, Turn
from tests.simulation.linear.search import Operation, TooLarge, linearized

_LOOKS_MAX = 10_000


def add(number: int, since: float, until: float, *, seen: int | None, amount: int = 1) -> Turn:
    """An exclusive turn that adds; nobody knows what became of one that has seen None."""
    return Turn(
        number=number,
        since=since,
        until=until,
        is_shared=False,
        is_sure=seen is not None,
        body=[["add", "n", amount]],
        seen=None if seen is None else [seen],
    )


def look(number: int, since: float, until: float, *, seen: int | None) -> Turn:
    """A shared turn that reads."""
    body: list[Any] = [["get", "n"]]
    return Turn(number=number, since=since, until=until, is_shared=True, is_sure=True, body=body, seen=[seen])


def two_writes(number: int, since: float, until: float) -> Turn:
    """An exclusive turn that adds one, and one again."""
    body: list[Any] = [["add", "n", 1], ["run", "s"], ["add", "n", 1]]
    seen = [1, ["s", 1], 2]
    return Turn(number=number, since=since, until=until, is_shared=False, is_sure=True, body=body, seen=seen)


def has_order(*turns: Turn) -> bool:
    return linearized(objects.operations_of(turns), Held(), looks_max=_LOOKS_MAX) is not None


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [add(0, 0, 1, seen=1), add(1, 2, 3, seen=2)],
        [add(0, 0, 9, seen=2), add(1, 1, 2, seen=1)],
        [add(0, 0, 1, seen=1), look(1, 2, 3, seen=1)],
        [add(0, 0, 9, seen=1), look(1, 1, 2, seen=None)],
        [two_writes(0, 0, 9), look(1, 1, 2, seen=1)],
        [add(0, 0, inf, seen=None), look(1, 1, 2, seen=1)],
        [add(0, 0, inf, seen=None), look(1, 1, 2, seen=None)],
        [add(0, 0, inf, seen=None, amount=5), add(1, 3, 4, seen=6), look(2, 5, 6, seen=6)],
    ],
)
def test_what_can_have_happened_is_accepted(turns: list[Turn]) -> None:
    """Overlapping turns may have come in any order, and one that nobody heard of may have come or not."""
    assert has_order(*turns)


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([add(0, 0, 1, seen=1), add(1, 2, 3, seen=1)], id="a lost update"),
        pytest.param([add(0, 0, 1, seen=1), look(1, 2, 3, seen=None)], id="a stale read"),
        pytest.param([look(0, 0, 1, seen=1), add(1, 2, 3, seen=1)], id="a read from the future"),
        pytest.param(
            [add(0, 0, 9, seen=1), look(1, 1, 2, seen=1), look(2, 3, 4, seen=None)], id="a read that goes back"
        ),
        pytest.param([two_writes(0, 0, 9), add(1, 0, 9, seen=2, amount=1)], id="a write in the middle of a turn"),
        pytest.param([add(0, 0, 1, seen=1), look(1, 2, 3, seen=2)], id="an update that came twice"),
        pytest.param([add(0, 5, inf, seen=None), look(1, 1, 2, seen=1)], id="an effect before its cause"),
    ],
)
def test_what_cannot_have_happened_is_refused(turns: list[Turn]) -> None:
    """No order of these turns explains what their clients saw."""
    assert not has_order(*turns)


def asking(since: float, until: float, invocation_id: str | None, *, is_new: bool | None) -> Asking:
    return Asking(since=since, until=until, invocation_id=invocation_id, is_new=is_new)


@pytest.mark.parametrize(
    ("askings", "is_possible"),
    [
        ([asking(0, 1, "a", is_new=True), asking(0, 2, "a", is_new=False)], True),
        ([asking(0, 9, "a", is_new=False), asking(1, 2, "a", is_new=True)], True),
        ([asking(0, inf, None, is_new=None), asking(1, 2, "a", is_new=False)], True),
        ([asking(0, 1, "a", is_new=True), asking(0, 1, "a", is_new=True)], False),
        ([asking(0, 1, "a", is_new=True), asking(2, 3, "b", is_new=False)], False),
        ([asking(0, 1, "a", is_new=False), asking(2, 3, "a", is_new=True)], False),
        ([asking(0, 1, "a", is_new=False)], False),
    ],
)
def test_a_key_creates_once(askings: list[Asking], is_possible: bool) -> None:
    """The first request with a key is told that it is new, all others are told of the same invocation."""
    order = linearized(creation.operations_of(askings), "", looks_max=_LOOKS_MAX)
    assert (order is not None) is is_possible


def test_a_search_is_bounded() -> None:
    """A history with too many orders is given up, not searched for ever."""

    def anything(state: int) -> int | None:
        return state + 1 if state < 15 else None

    operations = [
        Operation(what=str(number), since=0.0, until=1.0, is_sure=True, apply=anything) for number in range(18)
    ]
    with pytest.raises(TooLarge):
        linearized(operations, 0, looks_max=1000)
