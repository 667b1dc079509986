"""The checkpoint of handlers in reach: finished steps go straight behind the journal while the attempt goes on."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast_engine.held import Held, append_pending, room_of
from holdfast_engine.perform import perform
from holdfast_engine.ports import Grant
from holdfast_engine.reading import admit
from holdfast_engine.runs import Run
from holdfast_engine.world import World


class EngineCheckpoint:
    """What an attempt makes durable by itself; fenced like every write of an attempt.

    Merged notes and due sleeps that the attempt was sent go in front, with the first append (rule O-9). Commands that
    stand before a step take effect here too: a send must not wait for the end of a long step behind it.
    """

    def __init__(self, world: World, held: Held, run: Run) -> None:
        self._world = world
        self._held = held
        self._run = run

    @property
    def grant(self) -> Grant:
        """What a handler elsewhere needs to write by itself."""
        head, journal = self._held.head, self._held.journal
        return Grant(
            epoch=head.epoch,
            slot=journal.slot,
            durable=journal.durable,
            taken=journal.pending_taken,
            created_ms=head.created_ms,
            retention_ms=head.completion_retention_ms,
            first_epoch=head.first_epoch,
        )

    async def append(self, frames: Sequence[bytes]) -> bool:
        """Append entries; False when fenced, paused, or when one is refused: the handler must run nothing more."""
        world, held = self._world, self._held
        entries, held.refusal = admit(frames, head=held.head, registry=world.registry, room=room_of(world, held))
        for frame in entries:
            held.journal.add(frame)
        if not await append_pending(world, held):
            return False
        await perform(world, held, self._run)
        await world.store.flushed()
        if held.pausing is not None:
            # The step that was under way is stored, and no other is to begin.
            await world.store.pause(held.head.id, now_ms=world.clock.now_ms(), epoch=held.head.epoch)
            return False
        # A handler that goes round and round within one attempt is parked like one that does so over many (P1).
        return held.refusal is None and len(held.journal) <= world.settings.journal_entries_max

    async def barrier(self) -> bool:
        """Wait until all that this attempt builds on is durable."""
        await self._world.store.flushed()
        return True

    def handover(self) -> None:
        """Let the attempt go on for as long as it likes."""
