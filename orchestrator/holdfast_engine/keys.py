"""Entering and leaving a key: the ticket lock's flows, section 5 of the operations page.

* The leaver saw no waiter, and a ticket was taken meanwhile: `serving = t+1` is not "free", so `enter_free` refuses
  everybody; the ticket's owner claims after `put_wait`.
* An enterer dies between ticket and wait item: the key check skips it, fenced by claim; its message enters again.
* An enterer is slow and was skipped: its claim is refused and it takes a new ticket; it has not reported success, so
  its sender's order holds.
* One invocation enters twice: the first ticket served counts; the other meets a completed head and leaves stateless.
* A message is delivered twice, and while one handler of it stands still before it enters, the other brings the
  invocation to its end and deletes the message. Then the first one enters for an invocation that has ended: its acquire
  is refused, it looks again and leaves; should it die before, its own watchdog has it leave (O-1).
* The leaver dies between hand-over and wake: its message finds another holder and wakes that one.
* A waiter is cancelled or killed: its head is completed; served, it leaves at once; nothing is taken from the middle.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from holdfast_engine.errors import PayloadTooLarge
from holdfast_engine.held import Key
from holdfast_engine.ports import Keyed
from holdfast_engine.records import Head, KeyRef, Lock, StateWrites
from holdfast_engine.state import NO_WRITES
from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast")

# A ticket whose owner has said nothing for this long is looked at.
KEY_CHECK_AFTER_MS = 5_000
# How often entering starts over before it is left to a later message; each round lost means that others moved on.
_ROUNDS_MAX = 1_000
_WAITS_PAGE = 100


class _Again:
    """The lock moved on meanwhile: start over."""


_AGAIN = _Again()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The key is held. `at_once`: it was free, so its creator may run it as the epoch it was created with.

    Who queued for it must acquire: the wake-up of whoever passed the key on may be running it already.
    `is_found`: it was held before this was asked, so that whoever got it may be running it.
    """

    key: Key
    at_once: bool
    is_found: bool


async def enter(world: World, head: Head, *, is_fresh: bool) -> Entered | None:
    """Get the key, or queue up for it and return None.

    `is_fresh`: this process has just created the invocation, so no earlier try can have drawn a ticket for it.
    """
    key = head.key_ref
    for _ in range(_ROUNDS_MAX):
        # One write when the key is free, which is the common case; its refusal is paid for by the busy ones.
        keyed = await world.store.keyed(key, with_state=False)
        if keyed.lock.holder == head.id:
            held = await _holding(world, head)
            if not isinstance(held, _Again):
                return held
            continue
        if keyed.lock.serving == keyed.lock.next:
            if not is_fresh:
                await world.wakeups.watchdog(head.id)
            got = await world.store.enter_free(key, head.id)
            if got is not None:
                return Entered(key=_key(got, head), at_once=True, is_found=False)
            continue
        entered = await _queue_up(world, head, key, is_fresh=is_fresh)
        if not isinstance(entered, _Again):
            return entered
    await world.wakeups.wake(head.id, not_before_ms=world.clock.now_ms() + world.settings.put_back_ms)
    return None


async def _queue_up(world: World, head: Head, key: KeyRef, *, is_fresh: bool) -> Entered | _Again | None:
    """Take a ticket, say whose it is, and look whether its turn has come meanwhile; None when parked."""
    ticket = None if is_fresh else await _my_ticket(world, head, key)
    if ticket is None:
        if not is_fresh:
            await world.wakeups.watchdog(head.id)
        drawn = await world.store.take_ticket(key)
        if drawn is None:
            return _AGAIN
        ticket = drawn.number
        await world.store.put_wait(key, ticket=ticket, invocation_id=head.id)
    keyed = await world.store.keyed(key, with_state=False)
    lock = keyed.lock
    if lock.holder == head.id:
        return await _holding(world, head)
    if lock.serving < ticket:
        return None
    if lock.serving == ticket and lock.holder is None:
        claimed = await world.store.claim(key, ticket=ticket, invocation_id=head.id)
        return Entered(key=_key(claimed, head), at_once=False, is_found=False) if claimed is not None else _AGAIN
    return _AGAIN


async def _my_ticket(world: World, head: Head, key: KeyRef) -> int | None:
    """Return the ticket that an earlier try of this invocation drew."""
    serving = (await world.store.keyed(key, with_state=False)).lock.serving
    while waits := await world.store.waits(key, from_ticket=serving, limit=_WAITS_PAGE):
        for ticket, owner in waits:
            if owner == head.id:
                return ticket
        serving = waits[-1][0] + 1
    return None


async def held_key(world: World, head: Head) -> Key | None:
    """Return the invocation's hold on its key, or None when the lock names another."""
    keyed = await world.store.keyed(head.key_ref, with_state=True)
    return _key(keyed, head) if keyed.lock.holder == head.id else None


async def leave(world: World, head: Head, *, ticket: int | None, writes: StateWrites) -> None:
    """Give the key back, with the last state if it was written under this very ticket, and wake the next waiter."""
    await leave_key(world, head.key_ref, head.id, ticket=ticket, writes=writes)


async def _left(
    world: World, key: KeyRef, holder_id: str, *, ticket: int, writes: StateWrites, next_holder: str | None
) -> Lock | None:
    """Leave; state that no store could hold is left behind, or nobody would ever get the key again."""
    leave = partial(world.store.leave, key, ticket=ticket, invocation_id=holder_id, next_holder=next_holder)
    try:
        return await leave(writes=writes)
    except PayloadTooLarge as error:
        _LOG.error("%s ends without its last state: %s", holder_id, error)
        return await leave(writes=NO_WRITES)


async def leave_key(world: World, key: KeyRef, holder_id: str, *, ticket: int | None, writes: StateWrites) -> bool:
    """Give back what this holder holds; return whether it was its key until now, so that its writes are in."""
    for _ in range(_ROUNDS_MAX):
        lock = (await world.store.keyed(key, with_state=False)).lock
        if lock.holder != holder_id:
            await _look_after(world, key)
            return False
        waits = dict(await world.store.waits(key, from_ticket=lock.serving, limit=2))
        next_holder = await _remembered(world, waits.get(lock.serving + 1))
        last = writes if lock.serving == ticket else NO_WRITES
        left = await _left(world, key, holder_id, ticket=lock.serving, writes=last, next_holder=next_holder)
        if left is None:
            continue
        if left.holder is not None:
            await world.wakeups.wake(left.holder, not_before_ms=None)
        elif left.serving < left.next:
            await world.wakeups.check_key(key, not_before_ms=world.clock.now_ms() + KEY_CHECK_AFTER_MS)
        if lock.serving in waits:
            await world.store.forget_wait(key, ticket=lock.serving)
        return lock.serving == ticket
    return False


async def check_key(world: World, key: KeyRef) -> None:
    """Get a queue moving whose next ticket nobody answers for."""
    for _ in range(_ROUNDS_MAX):
        lock = (await world.store.keyed(key, with_state=False)).lock
        if lock.holder is not None:
            if await world.store.head(lock.holder) is not None:
                await world.wakeups.wake(lock.holder, not_before_ms=None)
                return
            await world.store.leave(
                key, ticket=lock.serving, invocation_id=lock.holder, writes=NO_WRITES, next_holder=None
            )
        elif lock.serving == lock.next:
            return
        elif (owner := await _owner(world, key, ticket=lock.serving)) is not None:
            await world.store.claim(key, ticket=lock.serving, invocation_id=owner)
        else:
            await world.store.skip(key, ticket=lock.serving)


async def _owner(world: World, key: KeyRef, *, ticket: int) -> str | None:
    """Return whose ticket it is; None when nobody said so, or when that invocation is remembered no longer."""
    return await _remembered(world, dict(await world.store.waits(key, from_ticket=ticket, limit=1)).get(ticket))


async def _remembered(world: World, owner: str | None) -> str | None:
    """Return the owner of a ticket if it exists.

    A waiter that was cancelled may be forgotten before its turn comes: to give it the key would be to lose the key.
    """
    return owner if owner is not None and await world.store.head(owner) is not None else None


async def _look_after(world: World, key: KeyRef) -> None:
    """Wake whoever holds the key, or have its queue looked at: the process that passed it on may have died (O-6)."""
    lock = (await world.store.keyed(key, with_state=False)).lock
    if lock.holder is not None:
        await world.wakeups.wake(lock.holder, not_before_ms=None)
    elif lock.serving < lock.next:
        await world.wakeups.check_key(key, not_before_ms=world.clock.now_ms() + KEY_CHECK_AFTER_MS)


async def _holding(world: World, head: Head) -> Entered | _Again:
    """Tell how it came to hold the key: who queued for it left a wait item behind."""
    key = await held_key(world, head)
    if key is None:
        return _AGAIN
    assert key.ticket is not None
    waits = await world.store.waits(head.key_ref, from_ticket=key.ticket, limit=1)
    return Entered(key=key, at_once=(key.ticket, head.id) not in waits, is_found=True)


def _key(keyed: Keyed, head: Head) -> Key:
    # What was copied from another invocation's journal is in the state since then.
    applied = max(keyed.lock.applied, head.copied - 1)
    return Key(ticket=keyed.lock.serving, state=keyed.state, applied=applied)
