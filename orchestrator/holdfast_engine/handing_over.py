"""Handing an outcome over to a caller in the same process: it goes on at once, without a note and without a message.

The usual way is a note, which is stored, a wake-up, and an acquire. Here the caller is acquired, and the completion is
in its journal like a note that was found at load: not stored yet, and in front of all that is stored next (O-9).

Until that is stored nobody else knows of it. So the callee does not count as settled before the caller has come to
rest, by which its first write is done. What happens when it does not:

* the process dies or is cut off, anywhere: no message of this event is acknowledged. The caller's comes back, finds a
  lease that ends, and takes it up; what it had committed is performed again, and the call answered by the callee, which
  has ended (`submit_child`). The callee's own message or watchdog delivers again, by a note.
* the caller is fenced, or running it fails: the callee delivers by a note after all, and the caller gets a message.
* its attempt breaks off, so that nobody knows what its handler has stored: the completion is where the journal has it,
  and if it has not, the callee delivers by a note; the caller is backing off and finds it when it is its turn.
* somebody else acquires the caller first, or it has moved on: nothing is done here, and the usual way follows.

A message may have been acknowledged for us, by a slower reader of a copy. Then a caller that dies here has no message,
but its callee has: whoever notifies an invocation whose lease is over wakes it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from holdfast_engine.errors import Unavailable
from holdfast_engine.held import Held
from holdfast_engine.journal import is_success, leaf_of
from holdfast_engine.load import is_pinned, journal_of
from holdfast_engine.note_keys import is_for
from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import Fenced
from holdfast_engine.records import Head, Kind, Note, Status
from holdfast_engine.trees import resolves_alone

if TYPE_CHECKING:
    from holdfast_engine.journal import Journal
    from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast")


async def hand_over(world: World, invocation_id: str, note: Note) -> bool:
    """Have a suspended invocation go on here with a completion; False when that has to be stored as a note."""
    if not world.in_hand.take(invocation_id):
        return False
    try:
        held = await _taken(world, invocation_id, note)
    except Unavailable:
        # It may have been acquired all the same: then somebody has to look when that lease is over.
        _LOG.warning("%s could not be taken up here and gets a note", invocation_id, exc_info=True)
        await world.wakeups.wake(invocation_id, not_before_ms=world.clock.now_ms() + world.settings.lease_ms)
        held = None
    # Of an attempt that broke off, only what is stored counts; it was sent the completion, and that may be nowhere.
    is_stored = held is not None and await _run(world, held) and leaf_of(note.frame) in held.journal.resolved
    # Not when this is cancelled on the way: then the message must not be acknowledged.
    world.in_hand.put_back(invocation_id)
    return is_stored


async def _taken(world: World, invocation_id: str, note: Note) -> Held | None:
    resting = world.in_hand.resting(invocation_id) or await _resting(world, invocation_id)
    if resting is None or not _may_go_on(resting[0], note):
        return None
    head, journal = resting
    journal.add_note(note)
    world.lacking.arrived(invocation_id, int(leaf_of(note.frame)[1]))
    now = world.clock.now_ms()
    chosen = world.registry.deployment_for(head, has_progress=await is_pinned(world, head))
    acquired = await world.store.acquire(
        head.id,
        epoch=head.epoch,
        status=Status.SUSPENDED,
        now_ms=now,
        lease_until_ms=now + world.settings.lease_ms,
        deployment_id=chosen[0].id if chosen is not None else head.deployment_id,
        protocol_version=chosen[1] if chosen is not None else head.protocol_version,
        ticket=head.ticket,
        failed_attempts=0,
        command_retries=head.command_retries,
    )
    if acquired is None:
        return None
    if journal.slot.page == 0:
        journal.slot = slot_in_head(acquired.head)
    performed = world.performed.until(acquired.head)
    return Held(head=acquired.head, journal=journal, key=None, performed=performed, last_entry_ms=head.last_entry_ms)


async def _resting(world: World, invocation_id: str) -> tuple[Head, Journal] | None:
    loaded = await world.store.load(invocation_id, epoch=None)
    if loaded is None or isinstance(loaded, Fenced):
        return None
    return loaded.head, await journal_of(world, loaded.head, loaded.pages, loaded.notes)


def _may_go_on(head: Head, note: Note) -> bool:
    """Return whether an invocation waits for just this, with no key to be read and no handler that may still write."""
    if head.status is not Status.SUSPENDED or head.awaiting is None or head.is_open or head.kind is not Kind.STATELESS:
        return False
    return is_for(head, note) and resolves_alone(head.awaiting, leaf_of(note.frame), is_success=is_success(note.frame))


async def _run(world: World, held: Held) -> bool:
    # Attempts end in deliveries, and this delivery is an attempt.
    from holdfast_engine.attempt import run

    try:
        if await run(world, held):
            return True
    except Exception:  # noqa: BLE001 - whatever it is, it is not the callee's failure.
        _LOG.exception("running %s failed; it is taken up again when its lease ends", held.head.id)
        await world.wakeups.wake(held.head.id, not_before_ms=held.head.lease_until_ms)
        return False
    await world.wakeups.wake(held.head.id, not_before_ms=world.clock.now_ms() + world.settings.put_back_ms)
    return False
