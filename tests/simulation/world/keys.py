"""The part of the simulated store that keys and promises need: their locks, queues and state, as items of the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from holdfast_engine import key_operations
from holdfast_engine.key_operations import NEVER_USED
from holdfast_engine.ports import Keyed, Ticket
from holdfast_engine.records import Head, KeyRef, Lock, Outcome, Promise, Sink, StateWrites, Status
from holdfast_engine.state import applied
from tests.simulation.world.faults import Site
from tests.simulation.world.permits import SimPermits

_READ, _WRITE = Site.READ, Site.WRITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """The lock of a key with the state that is part of its item."""

    lock: Lock
    state: dict[str, bytes]


NEVER_LOCKED = Locked(lock=NEVER_USED, state={})


class SimKeys(SimPermits):
    """The keys, their queues, and the promises of one process's store."""

    async def keyed(self, key: KeyRef, *, with_state: bool) -> Keyed:
        def effect() -> Keyed:
            locked = self._locked(key)
            return Keyed(lock=locked.lock, state=locked.state if with_state else {})

        return await self._do(_READ, f"keyed {_title(key)}", effect)

    async def enter_free(self, key: KeyRef, invocation_id: str) -> Keyed | None:
        what = f"enter free {_title(key)} {invocation_id}"
        return await self._take(key, what, lambda lock: key_operations.enter_free(lock, invocation_id))

    async def take_ticket(self, key: KeyRef) -> Ticket | None:
        def effect() -> Ticket | None:
            locked = self._locked(key)
            after = key_operations.take_ticket(locked.lock)
            if after is None:
                return None
            self._disk.put("lock", key, item=Locked(lock=after, state=locked.state))
            return Ticket(number=locked.lock.next, lock=after)

        return await self._do(_WRITE, f"take ticket {_title(key)}", effect)

    async def put_wait(self, key: KeyRef, *, ticket: int, invocation_id: str) -> None:
        def effect() -> None:
            self._disk.put("wait", key, ticket, item=invocation_id)

        await self._do(_WRITE, f"wait {_title(key)} {ticket} {invocation_id}", effect)

    async def waits(self, key: KeyRef, *, from_ticket: int, limit: int) -> tuple[tuple[int, str], ...]:
        def effect() -> tuple[tuple[int, str], ...]:
            waits = self._disk.under("wait", key)
            return tuple((ticket, waits[ticket]) for ticket in sorted(waits) if ticket >= from_ticket)[:limit]

        return await self._do(_READ, f"waits {_title(key)} from {from_ticket}", effect)

    async def claim(self, key: KeyRef, *, ticket: int, invocation_id: str) -> Keyed | None:
        def step(lock: Lock) -> Lock | None:
            return key_operations.claim(lock, ticket=ticket, invocation_id=invocation_id)

        return await self._take(key, f"claim {_title(key)} {ticket} {invocation_id}", step)

    async def forget_wait(self, key: KeyRef, *, ticket: int) -> None:
        def effect() -> None:
            for number in [number for number in self._disk.under("wait", key) if number <= ticket]:
                self._disk.put("wait", key, number, item=None)

        await self._do(_WRITE, f"forget wait {_title(key)} {ticket}", effect)

    async def skip(self, key: KeyRef, *, ticket: int) -> bool:
        what = f"skip {_title(key)} {ticket}"
        return await self._take(key, what, lambda lock: key_operations.skip(lock, ticket=ticket)) is not None

    async def apply(self, key: KeyRef, *, ticket: int, invocation_id: str, index: int, writes: StateWrites) -> bool:
        def step(lock: Lock) -> Lock | None:
            return key_operations.apply(lock, ticket=ticket, invocation_id=invocation_id, index=index)

        what = f"apply {_title(key)} {ticket} {invocation_id} up to {index}"
        return await self._take(key, what, step, writes=writes) is not None

    async def leave(
        self, key: KeyRef, *, ticket: int, invocation_id: str, writes: StateWrites, next_holder: str | None
    ) -> Lock | None:
        def step(lock: Lock) -> Lock | None:
            return key_operations.leave(lock, ticket=ticket, invocation_id=invocation_id, next_holder=next_holder)

        what = f"leave {_title(key)} {ticket} {invocation_id} to {next_holder}"
        left = await self._take(key, what, step, writes=writes)
        return left.lock if left is not None else None

    async def promise(self, key: KeyRef, name: str) -> Promise | None:
        return await self._do(_READ, f"promise {_title(key)} {name}", lambda: self._disk.get("promise", key, name))

    async def complete_promise(self, key: KeyRef, name: str, *, outcome: Outcome, by: str) -> tuple[Promise, bool]:
        def effect() -> tuple[Promise, bool]:
            promise = self._promise(key, name)
            if promise.outcome is None:
                promise = replace(promise, outcome=outcome, by=by)
                self._disk.put("promise", key, name, item=promise)
            return promise, promise.by == by

        return await self._do(_WRITE, f"complete promise {_title(key)} {name} by {by}", effect)

    async def listen_promise(self, key: KeyRef, name: str, listener: Sink) -> Promise | None:
        def effect() -> Promise | None:
            promise = self._promise(key, name)
            if promise.outcome is not None:
                return promise
            if listener not in promise.listeners:
                promise = replace(promise, listeners=(*promise.listeners, listener))
                self._disk.put("promise", key, name, item=promise)
            return None

        return await self._do(_WRITE, f"listen promise {_title(key)} {name} {listener.invocation_id}", effect)

    async def retire_key(self, key: KeyRef, *, expires_ms: int) -> None:
        """Do nothing: no history lasts that long."""

    async def forget_key(self, key: KeyRef, *, run_id: str, nonce: str) -> None:
        def effect() -> None:
            run: Head | None = self._disk.get("head", run_id)
            if run is None or run.nonce != nonce or run.status is not Status.COMPLETED:
                return
            self._drop("promise", key)
            self._disk.put("lock", key, item=Locked(lock=self._locked(key).lock, state={}))

        await self._do(_WRITE, f"forget key {_title(key)}", effect)

    async def _take(
        self, key: KeyRef, what: str, step: Callable[[Lock], Lock | None], *, writes: StateWrites | None = None
    ) -> Keyed | None:
        """Move a lock on, with its state, which is a part of the same item."""

        def effect() -> Keyed | None:
            before = self._locked(key)
            lock = step(before.lock)
            if lock is None:
                return None
            state = before.state if writes is None else applied(before.state, writes)
            self._disk.put("lock", key, item=Locked(lock=lock, state=state))
            return Keyed(lock=lock, state=state)

        return await self._do(_WRITE, what, effect)

    def _locked(self, key: KeyRef) -> Locked:
        return self._disk.get("lock", key) or NEVER_LOCKED

    def _promise(self, key: KeyRef, name: str) -> Promise:
        return self._disk.get("promise", key, name) or Promise(outcome=None, by=None, listeners=())

    def _drop(self, table: str, partition: Any) -> None:
        for sort in list(self._disk.under(table, partition)):
            self._disk.put(table, partition, sort, item=None)


def _title(key: KeyRef) -> str:
    return f"{key.service}/{key.key}"
