"""The engine as people see it: lists, histories, keys with their queues, and why something does not move.

What it takes is imported when somebody looks: a function that starts to move invocations need not know of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from holdfast_engine.records import Head, KeyRef
from holdfast_engine.world import World

if TYPE_CHECKING:
    from holdfast_engine.ports.listing import History, KeyView, Listing
    from holdfast_engine.stuck import Reason


class Seeing:
    """Reads over a world of ports; nothing here writes."""

    world: World

    @cached_property
    def listing(self) -> Listing:
        """What finds invocations and keys."""
        from holdfast_engine.unfinished_listing import UnfinishedListing

        return self.world.listing or UnfinishedListing(self.world.store)

    @property
    def now_ms(self) -> int:
        """The time, as this engine sees it."""
        return self.world.clock.now_ms()

    async def peek(self, invocation_id: str) -> Head | None:
        """Return an invocation's head, if there is one."""
        return await self.world.store.head(invocation_id)

    async def why(self, head: Head, *, entries: Sequence[bytes] | None) -> Reason | None:
        """Return why an invocation does not move; None when it does, or has ended."""
        from holdfast_engine.explaining import explain

        return await explain(self.world, head, entries=entries)

    async def history(self, invocation_id: str) -> History:
        """Return when what happened to an invocation, as far as the store remembers."""
        return await self.listing.history(invocation_id)

    async def key_view(self, key: KeyRef, *, with_state: bool, waiting_max: int) -> KeyView:
        """Return a key with its queue."""
        from holdfast_engine.ports.listing import KeyView

        keyed = await self.world.store.keyed(key, with_state=with_state)
        waiting: tuple[tuple[int, str], ...] = ()
        if waiting_max and keyed.lock.serving < keyed.lock.next:
            from_ticket = keyed.lock.serving + (keyed.lock.holder is not None)
            waiting = await self.world.store.waits(key, from_ticket=from_ticket, limit=waiting_max)
        return KeyView(key=key, keyed=keyed, waiting=waiting)
