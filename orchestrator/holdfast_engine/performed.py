"""What this process has performed: losing it costs reads and refused writes, never an effect.

Effects are performed again from the head's `done` on whenever an invocation is met (O-4), because whoever committed
them may have died. This process knows of its own that it has not: a parent that waits for twenty children would offer
to create the others again each time one of them has ended.
"""

from __future__ import annotations

from collections import OrderedDict

from holdfast_engine.records import Head

_EVERYTHING = 1 << 62


class Performed:
    """Up to which entry each invocation's effects are performed; the longest unmet ones are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        # With the nonce: an id comes back when a request is repeated after its retention.
        self._until: OrderedDict[tuple[str, str], int] = OrderedDict()

    def until(self, head: Head) -> int:
        """Return the entry index below which nothing is left to do."""
        return max(head.done, self._until.get((head.id, head.nonce), 0))

    def note(self, head: Head, until: int) -> None:
        """Remember that the effects below an index are performed."""
        key = (head.id, head.nonce)
        self._until[key] = until
        self._until.move_to_end(key)
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def settle(self, head: Head) -> None:
        """Remember that all that follows from a completed invocation is done."""
        self.note(head, _EVERYTHING)

    def is_settled(self, head: Head) -> bool:
        """Return whether all that follows from a completed invocation is known to be done."""
        return self.until(head) == _EVERYTHING
