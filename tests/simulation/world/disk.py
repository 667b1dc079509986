"""The disk: the items of all tables, shared by all processes, and who is told of each change.

It knows nothing of conditions, which are the store's, nor of faults. Where a store batches its commits, what is staged
can be lost: then a change is told of when it has become durable, because until then it may never have happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TABLES = (
    "head",
    "page",
    "note",
    "lock",
    "wait",
    "promise",
    "deployment",
    "timer",
    "blob",
    "unsettled",
    "permits",
    "line",
    "rules",
)

_NOTHING: dict[Any, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One item has changed; None where there is none. `number` counts the changes of the whole disk."""

    number: int
    table: str
    partition: Any
    sort: Any
    before: Any
    after: Any


Observer = Callable[[Changed], None]
LoadObserver = Callable[[str, int], None]


class Disk:
    """Items by table, partition and sort key."""

    def __init__(self) -> None:
        self.items: dict[str, dict[Any, dict[Any, Any]]] = {table: {} for table in TABLES}
        self.observers: list[Observer] = []
        self.load_observers: list[LoadObserver] = []
        self.is_staging = False
        self.number = 0
        self._staged: deque[Changed] = deque()

    def get(self, table: str, partition: Any, sort: Any = "") -> Any:
        """Return an item, or None."""
        return self.items[table].get(partition, _NOTHING).get(sort)

    def under(self, table: str, partition: Any) -> dict[Any, Any]:
        """Return the items of a partition by sort key, in order of their first writing."""
        return self.items[table].get(partition, _NOTHING)

    def put(self, table: str, partition: Any, sort: Any = "", *, item: Any) -> None:
        """Write an item, or delete it when it is None."""
        rows = self.items[table].setdefault(partition, {})
        before = rows.get(sort)
        if before is item:
            return
        self._place(rows, sort, item)
        self.number += 1
        changed = Changed(number=self.number, table=table, partition=partition, sort=sort, before=before, after=item)
        if self.is_staging:
            self._staged.append(changed)
        else:
            self._tell(changed)

    def tell_loaded(self, invocation_id: str, epoch: int) -> None:
        """Tell that an epoch has read its invocation, and was not fenced."""
        for observer in self.load_observers:
            observer(invocation_id, epoch)

    def sync(self, up_to: int) -> None:
        """Make durable what was staged up to a change."""
        while self._staged and self._staged[0].number <= up_to:
            self._tell(self._staged.popleft())

    def lose_staged(self) -> int:
        """Undo what is not durable; return how many changes that were."""
        lost = len(self._staged)
        while self._staged:
            changed = self._staged.pop()
            self._place(self.items[changed.table][changed.partition], changed.sort, changed.before)
        return lost

    @staticmethod
    def _place(rows: dict[Any, Any], sort: Any, item: Any) -> None:
        if item is None:
            rows.pop(sort, None)
        else:
            rows[sort] = item

    def _tell(self, changed: Changed) -> None:
        for observer in self.observers:
            observer(changed)
