"""Mutants of the key: who gets it, in which order, and what becomes of its state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holdfast_engine import advance, key_operations, keys, settle
from holdfast_engine.held import Key
from holdfast_engine.ports import Keyed
from holdfast_engine.records import Head, Lock, StateWrites
from holdfast_engine.state import NO_WRITES, fold
from holdfast_engine.world import World
from tests.simulation.mutants.mutant import mutant


def _overtaking(right: Any) -> Any:
    def enter_free(lock: Lock, invocation_id: str) -> Lock | None:
        if lock.holder is not None:
            return None
        return replace(lock, next=max(lock.next, lock.serving + 1), holder=invocation_id, applied=-1)

    return enter_free


def _always_seems_free(right: Any) -> Any:
    """Enter whenever nobody holds the key, as one would who takes "nobody holds it" for "free"."""

    async def enter(world: World, head: Head, *, is_fresh: bool) -> Any:
        keyed = await world.store.keyed(head.key_ref, with_state=False)
        if keyed.lock.holder is None:
            got = await world.store.enter_free(head.key_ref, head.id)
            if got is not None:
                return keys.Entered(key=_key(got), at_once=True, is_found=False)
        return await right(world, head, is_fresh=is_fresh)

    return enter


def _keeps_applied(right: Any) -> Any:
    def leave(lock: Lock, **options: Any) -> Lock | None:
        after: Lock | None = right(lock, **options)
        return replace(after, applied=lock.applied) if after is not None else None

    return leave


def _writes_for_any_ticket(right: Any) -> Any:
    async def leave(world: World, head: Head, *, ticket: int | None, writes: StateWrites) -> None:
        lock = (await world.store.keyed(head.key_ref, with_state=False)).lock
        await right(world, head, ticket=lock.serving, writes=writes)

    return leave


def _all_writes(right: Any) -> Any:
    def last_writes(held: Any) -> StateWrites:
        return fold(held.journal.entries)

    return last_writes


def _released_first(right: Any) -> Any:
    async def leave(world: World, head: Head, *, ticket: int | None, writes: StateWrites) -> None:
        await right(world, head, ticket=ticket, writes=NO_WRITES)
        if ticket is not None and not writes.is_empty:
            await world.store.apply(head.key_ref, ticket=ticket, invocation_id=head.id, index=1_000_000, writes=writes)

    return leave


def _waits_for_nobody(right: Any) -> Any:
    async def enter(world: World, head: Head, *, is_fresh: bool) -> Any:
        entered = await right(world, head, is_fresh=is_fresh)
        if entered is not None:
            return entered
        keyed = await world.store.keyed(head.key_ref, with_state=True)
        return keys.Entered(key=_key(keyed), at_once=False, is_found=False)

    return enter


def _key_of_anybody(right: Any) -> Any:
    async def held_key(world: World, head: Head) -> Key | None:
        return _key(await world.store.keyed(head.key_ref, with_state=True))

    return held_key


def _tells_nobody(right: Any) -> Any:
    async def leave(world: World, head: Head, *, ticket: int | None, writes: StateWrites) -> None:
        silent: Any = _Silent(world.wakeups)
        wakeups, world.wakeups = world.wakeups, silent
        try:
            await right(world, head, ticket=ticket, writes=writes)
        finally:
            world.wakeups = wakeups

    return leave


class _Silent:
    """Wake-ups that are never sent; everything else is."""

    def __init__(self, right: Any) -> None:
        self._right = right

    def __getattr__(self, name: str) -> Any:
        return getattr(self._right, name)

    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        pass


def _written_again(right: Any) -> Any:
    def key_of(keyed: Keyed, head: Head) -> Key:
        return _key(keyed)

    return key_of


def _key(keyed: Keyed) -> Key:
    return Key(ticket=keyed.lock.serving, state=keyed.state, applied=keyed.lock.applied)


MUTANTS = (
    mutant(
        "overtaking at the key",
        "K2",
        (key_operations, "enter_free", _overtaking),
        (keys, "enter", _always_seems_free),
        (advance, "enter", _always_seems_free),
    ),
    mutant("applied not reset", "K3", (key_operations, "leave", _keeps_applied)),
    mutant(
        "ticket guard missing",
        "K3",
        (advance, "leave", _writes_for_any_ticket),
        (advance, "_last_writes", _all_writes),
    ),
    mutant("release before state", "K3", (settle, "leave", _released_first), (advance, "leave", _released_first)),
    mutant("waiters do not wait", "K1", (advance, "enter", _waits_for_nobody), (advance, "held_key", _key_of_anybody)),
    mutant("a restarted one writes its prefix again", "K3", (keys, "_key", _written_again)),
    mutant("hand-over wakes nobody", "D1", (settle, "leave", _tells_nobody), (advance, "leave", _tells_nobody)),
)
