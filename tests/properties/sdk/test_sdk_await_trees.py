"""Await trees: settling them step by step agrees with asking the whole tree."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast._await import Await
from holdfast._suspension import suspension
from holdfast_protocol import schema_pb2 as pb

_IDS = st.one_of(st.integers(1, 6), st.integers(-20, -17), st.sampled_from(["q", "r"]))
_Spelled = tuple[bool, tuple[Any, ...]]

_trees = st.recursive(
    st.tuples(st.booleans(), st.lists(_IDS, min_size=1, max_size=3).map(tuple)),
    lambda inner: st.tuples(st.booleans(), st.lists(st.one_of(_IDS, inner), min_size=1, max_size=3).map(tuple)),
    max_leaves=8,
)


def _tree(spelled: Any) -> Await:
    is_all, parts = spelled
    nested = [_tree(part) for part in parts if isinstance(part, tuple)]
    return Await([part for part in parts if not isinstance(part, tuple)], nested, is_all=is_all)


def _is_settled(spelled: Any, seen: set[Any]) -> bool:
    if not isinstance(spelled, tuple):
        return spelled in seen
    is_all, parts = spelled
    return (all if is_all else any)(_is_settled(part, seen) for part in parts)


@given(spelled=_trees, arrivals=st.lists(_IDS, max_size=12))
def test_a_tree_settles_exactly_when_all_that_arrived_settles_it(spelled: Any, arrivals: list[Any]) -> None:
    """The first arrival after which the whole tree is satisfied is the one that settles it."""
    tree, seen = _tree(spelled), set()
    for arrival in arrivals:
        seen.add(arrival)
        expected = _is_settled(spelled, seen)
        assert tree.settle(arrival) == expected
        assert _tree(spelled).settle_all(seen) == expected
        if expected:
            return


@given(spelled=_trees, arrivals=st.lists(_IDS, max_size=12))
def test_a_suspension_waits_for_what_is_missing(spelled: Any, arrivals: list[Any]) -> None:
    """A server that evaluates the suspension of a tree wakes the attempt exactly when the tree is satisfied."""
    seen: set[Any] = set()
    tree = _tree(spelled)
    if tree.settle_all(seen):
        return
    message = suspension(tree, version=7, with_cancel=False).awaiting_on
    for arrival in arrivals:
        seen.add(arrival)
        assert _would_wake(message, seen) == _is_settled(spelled, seen)


@given(spelled=_trees)
def test_a_flat_suspension_has_every_leaf(spelled: Any) -> None:
    """Old servers are told every leaf, and the cancel signal."""
    tree = _tree(spelled)
    leaves = set(tree.leaves())
    message = suspension(tree, version=6, with_cancel=True)
    told = {*message.waiting_completions, *(-id_ for id_ in message.waiting_signals), *message.waiting_named_signals}
    assert told == leaves | {-1}


def _would_wake(future: pb.Future, seen: set[Any]) -> bool:
    """Evaluate a tree as a server does, by the protocol's words."""
    parts = [
        *(id_ in seen for id_ in future.waiting_completions),
        *(-id_ in seen for id_ in future.waiting_signals),
        *(name in seen for name in future.waiting_named_signals),
        *(_would_wake(nested, seen) for nested in future.nested_futures),
    ]
    return all(parts) if future.combinator_type == pb.Future.ALL_COMPLETED else any(parts)
