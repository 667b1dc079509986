"""Histories of one idempotency key: who asked with it, and which invocation each was told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.simulation.linear.search import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request with the key. `is_new` is None when it was not told whether it was the first, or asked twice."""

    since: float
    until: float
    invocation_id: str | None
    is_new: bool | None


def operations_of(askings: Sequence[Asking]) -> list[Operation[str]]:
    """Return the requests as operations on the invocation that the key stands for; there is none at first: ""."""
    return [
        Operation(
            what=f"{asking.invocation_id} is {'new' if asking.is_new else 'known'}",
            since=asking.since,
            until=asking.until,
            is_sure=asking.invocation_id is not None,
            apply=partial(_created, asking=asking),
        )
        for asking in askings
    ]


def _created(known: str, *, asking: Asking) -> str | None:
    if not known:
        # Somebody whose answer got lost may have been first: he is an operation of his own.
        return asking.invocation_id or "?" if asking.is_new is not False else None
    is_same = known == "?" or asking.invocation_id in (None, known)
    return (asking.invocation_id or known) if is_same and not asking.is_new else None
