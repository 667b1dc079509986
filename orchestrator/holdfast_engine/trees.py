"""Await trees: what a suspended invocation waits for, and what one notification can do to it."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast_engine.records import Awaiting

# What a leaf is called: ("c", completion id), ("s", signal id), ("n", signal name).
Leaf = tuple[str, int | str]
# The completions that one node of a tree waits for.
Group = tuple[int, ...]

FIRST_COMPLETED = 1
ALL_COMPLETED = 2
FIRST_SUCCEEDED_OR_ALL_FAILED = 3
ALL_SUCCEEDED_OR_FIRST_FAILED = 4
TOGETHER = frozenset({ALL_COMPLETED, FIRST_SUCCEEDED_OR_ALL_FAILED, ALL_SUCCEEDED_OR_FIRST_FAILED})


def combine(combinator: int, states: list[bool | None]) -> bool | None:
    """Evaluate one node of an await tree over its children: True success, False failure, None open.

    Numbers the engine does not know are taken as "first completed": resuming early costs an attempt, late costs
    liveness.
    """
    if combinator == ALL_COMPLETED:
        return None if None in states else True
    if combinator == FIRST_SUCCEEDED_OR_ALL_FAILED:
        return True if True in states else None if None in states else False
    if combinator == ALL_SUCCEEDED_OR_FIRST_FAILED:
        return False if False in states else None if None in states else True
    return next((state for state in states if state is not None), None)


def leaves(awaiting: Awaiting) -> Iterator[Leaf]:
    """Yield what one node itself waits for."""
    for completion_id in awaiting.completions:
        yield ("c", completion_id)
    for signal_id in awaiting.signals:
        yield ("s", signal_id)
    for name in awaiting.names:
        yield ("n", name)


def leaves_below(awaiting: Awaiting) -> Iterator[Leaf]:
    """Yield what a node and all below it wait for."""
    yield from leaves(awaiting)
    for node in awaiting.nested:
        yield from leaves_below(node)


def mentions(awaiting: Awaiting, leaf: Leaf) -> bool:
    """Return whether a leaf stands anywhere in an await tree."""
    return leaf[1] in _own(awaiting, leaf[0]) or any(mentions(node, leaf) for node in awaiting.nested)


def resolves_alone(awaiting: Awaiting, leaf: Leaf, *, is_success: bool) -> bool:
    """Return whether one notification resolves an await tree, whatever else has come or is missing."""
    return _state_by(awaiting, leaf, is_success=is_success) is not None


def groups(awaiting: Awaiting) -> Iterator[Group]:
    """Yield the completions of each node of an await tree that waits for several things together."""
    if awaiting.combinator in TOGETHER and len(awaiting.completions) > 1:
        yield awaiting.completions
    for node in awaiting.nested:
        yield from groups(node)


def group_around(awaiting: Awaiting, leaf: Leaf) -> Group:
    """Return completions that must all be there for a leaf that does not resolve the tree alone to resolve it at last.

    While one of them is missing, either the tree is open, or it was resolved before this leaf came. That is so of a
    node that waits for all its children, and of one that a single success or failure may resolve if this leaf is a
    child of its own: then it would do so alone. Above that node there may only be nodes that wait for the first of
    their children, and this leaf in one of these only. Of any other tree nothing is said: the group is empty.
    """
    is_own = leaf[1] in _own(awaiting, leaf[0])
    if awaiting.combinator == ALL_COMPLETED or (awaiting.combinator in TOGETHER and is_own and not awaiting.nested):
        return awaiting.completions
    with_it = [node for node in awaiting.nested if mentions(node, leaf)]
    if awaiting.combinator in TOGETHER or is_own or len(with_it) != 1:
        return ()
    return group_around(with_it[0], leaf)


def _state_by(awaiting: Awaiting, leaf: Leaf, *, is_success: bool) -> bool | None:
    """Evaluate a node to which nothing has come but one leaf; a child that is open stands for all that are."""
    mine = _own(awaiting, leaf[0]).count(leaf[1])
    states = [_state_by(node, leaf, is_success=is_success) for node in awaiting.nested]
    if mine:
        states.append(is_success)
    if len(awaiting.completions) + len(awaiting.signals) + len(awaiting.names) > mine:
        states.append(None)
    return combine(awaiting.combinator, states)


def _own(awaiting: Awaiting, kind: str) -> tuple[int | str, ...]:
    return awaiting.completions if kind == "c" else awaiting.signals if kind == "s" else awaiting.names
