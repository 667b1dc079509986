"""An invocation in the hands of the attempt that owns it, and that attempt's way of writing to the journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from holdfast_engine.blobs import spilled
from holdfast_engine.journal import Journal
from holdfast_engine.ports import AttemptFailure, Fenced
from holdfast_engine.records import Head
from holdfast_engine.registry import HandlerSpec
from holdfast_engine.state import applied, fold
from holdfast_engine.world import World


@dataclass(slots=True, kw_only=True)
class Key:
    """The invocation's hold on its key: its ticket, the state as stored, and up to which entry that is applied."""

    ticket: int | None
    state: dict[str, bytes]
    applied: int = -1


@dataclass(slots=True, kw_only=True)
class Held:
    """One epoch of one invocation: the head as last written, the journal as known here, what has been performed.

    `began` is the journal's length when the present attempt was sent; the head's `done` follows from it. `refusal` is
    why the attempt was stopped at a checkpoint. `last_entry_ms`: appends to later pages do not touch the head.
    """

    head: Head
    journal: Journal
    key: Key | None
    performed: int
    last_entry_ms: int
    began: int = 0
    commands_before: int = 0
    refusal: AttemptFailure | None = None
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def state_before(self, index: int) -> dict[str, bytes]:
        """Return the key's state as of an entry."""
        if self.key is None:
            return {}
        return applied(self.key.state, fold(self.journal.entries[self.key.applied + 1 : index]))


async def append_pending(world: World, held: Held) -> bool:
    """Store the entries known only here; False when fenced.

    One after the other: the slot that an append answers is where the next must go.
    """
    async with held.writing:
        journal = held.journal
        pending = journal.pending
        if not pending:
            return True
        # What comes behind while this write is under way must not be taken for stored by it.
        until, taken = len(journal.entries), journal.pending_taken
        frames = await spilled(world, held.head.id, pending)
        slot = await world.store.append(
            held.head.id, slot=journal.slot, epoch=held.head.epoch, frames=frames, taken=taken
        )
        if isinstance(slot, Fenced):
            return False
        journal.stored(slot, until)
        held.last_entry_ms = world.clock.now_ms()
        return True


def spec_of(world: World, head: Head) -> HandlerSpec | None:
    """Return the handler's options as its latest revision has them."""
    service = world.registry.service(head.target.service)
    return service.handlers.get(head.target.handler) if service is not None else None
