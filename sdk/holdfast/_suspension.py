"""Suspensions: an await tree as the message that ends an attempt, flat for old servers and as a tree for new ones."""

from __future__ import annotations

from holdfast._await import CANCEL, Await
from holdfast_protocol.schema_pb2 import Future, Suspension

_VERSION_WITH_TREES = 7


def suspension(want: Await, *, version: int, with_cancel: bool) -> Suspension:
    """Return the message that waits for a tree, and for a cancellation where that should wake the handler too."""
    if with_cancel:
        want = _or_cancelled(want)
    if version >= _VERSION_WITH_TREES:
        return Suspension(awaiting_on=_future(want))
    leaves = set(want.leaves())
    return Suspension(
        waiting_completions=_completions(leaves), waiting_signals=_signals(leaves), waiting_named_signals=_names(leaves)
    )


def _or_cancelled(want: Await) -> Await:
    return Await((*want.ids, CANCEL)) if want.is_leaf else Await((CANCEL,), (want,))


def _future(want: Await) -> Future:
    return Future(
        waiting_completions=_completions(want.ids),
        waiting_signals=_signals(want.ids),
        waiting_named_signals=_names(want.ids),
        nested_futures=[_future(tree) for tree in want.nested],
        combinator_type=Future.ALL_COMPLETED if want.is_all else Future.FIRST_COMPLETED,
    )


def _completions(ids: set[int | str]) -> list[int]:
    return sorted(id_ for id_ in ids if isinstance(id_, int) and id_ > 0)


def _signals(ids: set[int | str]) -> list[int]:
    return sorted(-id_ for id_ in ids if isinstance(id_, int) and id_ < 0)


def _names(ids: set[int | str]) -> list[str]:
    return sorted(id_ for id_ in ids if isinstance(id_, str))
