"""Await trees: what an attempt waits for, and whether the notifications seen so far settle it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Final, TypeAlias

NotificationId: TypeAlias = int | str
"""A completion by its id, an indexed signal by its negated index, a named signal by its name."""

CANCEL: Final = -1
"""The signal that asks the invocation to stop."""


class Await:
    """Notifications joined in one way: settled by the first of them, or by all.

    It is consumed while it waits: joined by all, it forgets the parts that have settled.
    """

    __slots__ = ("ids", "is_all", "is_leaf", "nested")

    def __init__(self, ids: Iterable[NotificationId], nested: Iterable[Await] = (), *, is_all: bool = False) -> None:
        self.ids = set(ids)
        self.nested = list(nested)
        self.is_all = is_all
        self.is_leaf = False

    @classmethod
    def leaf(cls, notification_id: NotificationId) -> Await:
        """Return the tree that waits for one notification."""
        tree = cls((notification_id,))
        tree.is_leaf = True
        return tree

    def settle(self, notification_id: NotificationId) -> bool:
        """Take in that a notification has arrived; return whether that settles the whole."""
        if not self.is_all:
            return notification_id in self.ids or any(tree.settle(notification_id) for tree in self.nested)
        self.ids.discard(notification_id)
        if self.nested:
            self.nested = [tree for tree in self.nested if not tree.settle(notification_id)]
        return not self.ids and not self.nested

    def settle_all(self, seen: Container[NotificationId]) -> bool:
        """Take in everything that has arrived already; return whether that settles the whole."""
        arrived = [notification_id for notification_id in self.ids if notification_id in seen]
        nested = [tree for tree in self.nested if not tree.settle_all(seen)]
        if not self.is_all:
            return bool(arrived) or len(nested) < len(self.nested)
        self.ids.difference_update(arrived)
        self.nested = nested
        return not self.ids and not nested

    def leaves(self) -> Iterator[NotificationId]:
        """Yield every notification that is still waited for."""
        yield from self.ids
        for tree in self.nested:
            yield from tree.leaves()
