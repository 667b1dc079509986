"""An invocation in the hands of the attempt that owns it, and that attempt's way of writing to the journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial

from holdfast_engine.blobs import spilled, stored_bytes
from holdfast_engine.journal import Journal
from holdfast_engine.pages import room_in
from holdfast_engine.ports import Fenced
from holdfast_engine.reading import Failed
from holdfast_engine.records import Head, Slot
from holdfast_engine.registry import HandlerSpec
from holdfast_engine.state import applied, fold
from holdfast_engine.state_room import StateRoom
from holdfast_engine.world import World
from holdfast_protocol.pages import PAGE_BYTES_MAX


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
    why the attempt was stopped at a checkpoint, `room` what it may still write of state. `last_entry_ms`: appends to
    later pages do not touch the head. `pausing`: somebody in this process wants to pause it and waits for the end of
    what is under way.
    """

    head: Head
    journal: Journal
    key: Key | None
    performed: int
    last_entry_ms: int
    began: int = 0
    commands_before: int = 0
    refusal: Failed | None = None
    room: StateRoom | None = None
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    pausing: asyncio.Event | None = None

    def state_before(self, index: int) -> dict[str, bytes]:
        """Return the key's state as of an entry."""
        if self.key is None:
            return {}
        return applied(self.key.state, fold(self.journal.entries[self.key.applied + 1 : index]))


async def append_pending(world: World, held: Held) -> bool:
    """Store the entries known only here, in as many writes as they need; False when fenced.

    One after the other: the slot that an append answers is where the next must go. A crash in between leaves a prefix,
    which is a journal like any other.
    """
    async with held.writing:
        journal = held.journal
        # What comes behind while this write is under way must not be taken for stored by it.
        end = len(journal.entries)
        while journal.durable < end:
            portion, frames, until = await _portion(world, held, end)
            slot = await world.store.append(
                held.head.id,
                slot=portion,
                epoch=held.head.epoch,
                frames=frames,
                taken=journal.taken_between(journal.durable, until),
            )
            if isinstance(slot, Fenced):
                return False
            journal.stored(slot, until)
            held.last_entry_ms = world.clock.now_ms()
        return True


def room_of(world: World, held: Held) -> StateRoom | None:
    """Return what watches over how much state this attempt writes; None when it may not write any."""
    if not held.head.kind.holds_key:
        return None
    if held.room is None:
        as_of_now = partial(held.state_before, len(held.journal))
        held.room = StateRoom(as_of_now, bytes_max=world.settings.state_bytes_max)
    return held.room


def outgrows_head(world: World, journal: Journal) -> bool:
    """Return whether what is pending is too much for the first page, which every write to the head is billed for.

    Everyone who looks at the head reads that page, too: each of a thousand callees whose calls it holds.
    """
    return journal.slot.page == 0 and stored_bytes(world, journal.pending) > PAGE_BYTES_MAX


async def _portion(world: World, held: Held, end: int) -> tuple[Slot, tuple[bytes, ...], int]:
    """Return the slot and the frames of the next append, large ones replaced, and the index behind them.

    What outgrows the head fills its page, and at least one frame closes it; the rest goes to pages of its own.
    """
    slot, most = held.journal.slot, world.settings.append_bytes_max
    if outgrows_head(world, held.journal):
        most = min(most, room_in(slot))
        slot = replace(slot, frames_bytes=PAGE_BYTES_MAX)
    frames: list[bytes] = []
    size = 0
    for index in range(held.journal.durable, end):
        (frame,) = await spilled(world, held.head.id, (held.journal.entries[index],))
        size += len(frame) + 1
        if frames and size > most:
            return slot, tuple(frames), index
        frames.append(frame)
    return slot, tuple(frames), end


def spec_of(world: World, head: Head) -> HandlerSpec | None:
    """Return the handler's options as its latest revision has them."""
    service = world.registry.service(head.target.service)
    return service.handlers.get(head.target.handler) if service is not None else None
