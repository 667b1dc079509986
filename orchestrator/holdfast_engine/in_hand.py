"""Which invocations this process may take up without a message of their own, because it has not given one away yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast_engine.held import Held
    from holdfast_engine.journal import Journal
    from holdfast_engine.records import Head

# What is kept of invocations at rest: mostly they go on a moment later, or not in this event.
_RESTING_MAX = 64
_RESTING_BYTES_MAX = 65_536


class InHand:
    """The invocations whose messages have been handled in the present event and are acknowledged only at its end.

    An invocation is taken up only by who has a message that names it (O-1). A message whose handling has come to its
    end is such a one for as long as it is not acknowledged: should the process die, it comes back. So whoever waits
    for what this very process does meanwhile, a caller for its child, can go on here without another message.

    Who acknowledges asks before (`let_go`): what is busy then was cut off, and its message is all it has. Where nobody
    holds messages back like that, this is always empty.
    """

    def __init__(self) -> None:
        self._idle: set[str] = set()
        self._busy: set[str] = set()
        self._resting: dict[str, tuple[Head, Journal]] = {}

    def put(self, invocation_id: str) -> None:
        """Take note that a message has been handled and is still here."""
        self._idle.add(invocation_id)

    def take(self, invocation_id: str) -> bool:
        """Claim an invocation's message for taking it up; False when there is none, or it has been claimed."""
        if invocation_id not in self._idle or invocation_id in self._busy:
            return False
        self._busy.add(invocation_id)
        return True

    def rest(self, held: Held) -> None:
        """Keep what the attempt that has just been suspended knows: who goes on with it here need not read it again.

        Nobody but an attempt writes to a journal, and acquiring tells that there has been none since.
        """
        if sum(map(len, held.journal.entries)) <= _RESTING_BYTES_MAX:
            self._resting[held.head.id] = (held.head, held.journal)
        if len(self._resting) > _RESTING_MAX:
            del self._resting[next(iter(self._resting))]

    def resting(self, invocation_id: str) -> tuple[Head, Journal] | None:
        """Return the head and the journal that were kept of an invocation, once."""
        return self._resting.pop(invocation_id, None)

    def put_back(self, invocation_id: str) -> None:
        """Give up a claim: the invocation is at rest, or somebody has a message for it."""
        self._busy.discard(invocation_id)

    def let_go(self, invocation_id: str) -> bool:
        """Return whether a message may be acknowledged; from now on nobody can take its invocation up by it."""
        self._idle.discard(invocation_id)
        return invocation_id not in self._busy

    def clear(self) -> None:
        """Forget everything: the event is over."""
        self._idle.clear()
        self._busy.clear()
        self._resting.clear()
