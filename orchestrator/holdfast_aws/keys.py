"""Locks and queues of keys: each operation says in expressions what `holdfast_engine.key_operations` says in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from holdfast_aws.dynamo import Dynamo, Refused, Written
from holdfast_aws.items import Raw, item_bytes, lock_of, ordinal, ordinal_of, unless
from holdfast_aws.lifetimes import Lifetimes
from holdfast_aws.models import LockItem as L
from holdfast_aws.part import Models, Part, put
from holdfast_aws.values import ValueBlobs, Values, blob_names, map_name
from holdfast_engine import key_operations
from holdfast_engine.compact import key_of, key_text
from holdfast_engine.errors import PayloadTooLarge, StoreUnreachable
from holdfast_engine.key_operations import NEVER_USED
from holdfast_engine.ports import Clock, Keyed, Ticket
from holdfast_engine.records import KeyRef, Lock, StateWrites
from holdfast_engine.weights import INLINE_VALUE_BYTES_MAX, MOVED_VALUE_BYTES_MIN

# A partition key holds 2,048 bytes; a longer key is known by its hash and kept beside it.
_PARTITION_BYTES_MAX = 1_024
_LOCK_SORT = "l"
_WAIT_PREFIX = "w"
_WAIT_END = "x"
# Beyond so many names one expression would not hold them (4 KB), and the whole map is written instead.
_NAMES_MAX = 100
# From here on what lives in the lock moves out of it: an item holds 400 KB.
# The engine refuses what would be as large as that, before it is in the journal.
_LOCK_BYTES_MAX = 350_000
_READS_MAX = 10

_IS_FREE = L.key.does_not_exist() | (L.serving == L.next)


class KeyStore(Part):
    """Entering, holding and leaving keys."""

    def __init__(
        self, dynamo: Dynamo, models: Models, clock: Clock, lifetimes: Lifetimes, *, blobs: ValueBlobs
    ) -> None:
        super().__init__(dynamo, models, clock, lifetimes)
        self._values = Values(dynamo, models.value, blobs)

    async def keyed(self, key: KeyRef, *, with_state: bool) -> Keyed:
        """Return lock and state; a key never used reads as free and empty."""
        partition = partition_of(key)
        for _ in range(_READS_MAX):
            raw = await self.dynamo.get(self.models.lock, partition, _LOCK_SORT)
            if raw is None:
                return Keyed(lock=NEVER_USED, state={})
            if not with_state or self._has_expired(raw):
                return Keyed(lock=_lock_in(raw), state={})
            state = await self._values.read(partition, _state_in(raw))
            if state is not None:
                return Keyed(lock=_lock_in(raw), state=state)
        raise StoreUnreachable(f"the state of {key.service}/{key.key} changed under every one of {_READS_MAX} reads")

    async def state_blobs(self, partition: str) -> frozenset[str]:
        """Return the names of the blobs that the state of a partition's key consists of now."""
        raw = await self.dynamo.get(self.models.lock, partition, _LOCK_SORT)
        return blob_names(_state_in(raw))

    async def enter_free(self, key: KeyRef, invocation_id: str) -> Keyed | None:
        """Take ticket and key in one write if the key is free; the answer carries the state."""
        partition = partition_of(key)
        now_s = self._clock.now_ms() // 1000
        actions = [
            L.next.set((L.next | 0) + 1),
            L.serving.set(L.serving | 0),
            L.holder.set(invocation_id),
            L.applied.remove(),
            L.state.set(L.state | {"M": {}}),
            put(L.long_key, unless(key_text(key), partition)),
            # A key in use does not expire, whatever it was marked with when its workflow ended.
            L.expires_s.remove(),
        ]
        is_alive = L.expires_s.does_not_exist() | (L.expires_s > now_s)
        result = await self._update(partition, actions, _IS_FREE & is_alive)
        if isinstance(result, Refused):
            if result.item is not None and self._has_expired(result.item):
                await self._forget_expired(partition, result.item)
                return await self.enter_free(key, invocation_id)
            return None
        before = _lock_in(result.before) if result.before else NEVER_USED
        return await self._entered(partition, key_operations.enter_free(before, invocation_id), result.before)

    async def take_ticket(self, key: KeyRef) -> Ticket | None:
        """Draw a ticket of a key that is not free; None when it is free by now."""
        result = await self._update(partition_of(key), [L.next.set(L.next + 1)], L.serving < L.next)
        if isinstance(result, Refused):
            # Repeated after a lost answer it draws another ticket; the first is nobody's, and is passed over.
            return None
        before = _lock_before(result)
        after = key_operations.take_ticket(before)
        assert after is not None
        return Ticket(number=before.next, lock=after)

    async def put_wait(self, key: KeyRef, *, ticket: int, invocation_id: str) -> None:
        """Say whose ticket it is."""
        sort = _WAIT_PREFIX + ordinal(ticket)
        await self.dynamo.put(self.models.wait(key=partition_of(key), sort=sort, invocation_id=invocation_id), None)

    async def waits(self, key: KeyRef, *, from_ticket: int, limit: int) -> tuple[tuple[int, str], ...]:
        """Return (ticket, invocation id) from a ticket on, in order."""
        values = {":key": partition_of(key), ":from": _WAIT_PREFIX + ordinal(from_ticket), ":to": _WAIT_END}
        condition = "p = :key AND s BETWEEN :from AND :to"
        raws = await self.dynamo.query(self.models.wait, condition, values, Limit=limit)
        return tuple((ordinal_of(raw["s"]["S"].removeprefix(_WAIT_PREFIX)), raw["h"]["S"]) for raw in raws)

    async def forget_wait(self, key: KeyRef, *, ticket: int) -> None:
        """Drop what `put_wait` said of a ticket that has been served; nobody looks at it any more."""
        item = self.models.wait(key=partition_of(key), sort=_WAIT_PREFIX + ordinal(ticket))
        await self.dynamo.delete(item, None, is_retention=True)

    async def claim(self, key: KeyRef, *, ticket: int, invocation_id: str) -> Keyed | None:
        """Take a key whose turn it is for that ticket and that nobody holds."""
        partition = partition_of(key)
        actions = [L.holder.set(invocation_id), L.applied.remove()]
        result = await self._update(partition, actions, _unclaimed(ticket))
        if isinstance(result, Refused):
            return None
        after = key_operations.claim(_lock_before(result), ticket=ticket, invocation_id=invocation_id)
        return await self._entered(partition, after, result.before)

    async def skip(self, key: KeyRef, *, ticket: int) -> bool:
        """Pass over a ticket whose owner never said who it is."""
        actions = [L.serving.set(ticket + 1), L.applied.remove()]
        return isinstance(await self._update(partition_of(key), actions, _unclaimed(ticket)), Written)

    async def apply(self, key: KeyRef, *, ticket: int, invocation_id: str, index: int, writes: StateWrites) -> bool:
        """Write the holder's state up to entry `index`; False when fenced or already applied."""
        is_unapplied = L.applied.does_not_exist() | (L.applied < index)
        lock = await self._write(
            key,
            [L.applied.set(index)],
            _held(ticket, invocation_id) & is_unapplied,
            lambda lock: key_operations.apply(lock, ticket=ticket, invocation_id=invocation_id, index=index),
            Lock(next=-1, serving=ticket, holder=invocation_id, applied=index),
            writes,
            version=f"{ticket}.{index}",
        )
        return lock is not None

    async def leave(
        self, key: KeyRef, *, ticket: int, invocation_id: str, writes: StateWrites, next_holder: str | None
    ) -> Lock | None:
        """Write the last state and give the key to the next waiter or to nobody; None when fenced."""
        return await self._write(
            key,
            [L.serving.set(ticket + 1), L.applied.remove(), put(L.holder, next_holder)],
            _held(ticket, invocation_id),
            lambda lock: key_operations.leave(
                lock, ticket=ticket, invocation_id=invocation_id, next_holder=next_holder
            ),
            Lock(next=-1, serving=ticket + 1, holder=next_holder, applied=-1),
            writes,
            version=f"{ticket}.end",
        )

    async def _write(
        self,
        key: KeyRef,
        actions: Sequence[Action],
        condition: Condition,
        operation: Callable[[Lock], Lock | None],
        becomes: Lock,
        writes: StateWrites,
        *,
        version: str,
    ) -> Lock | None:
        """Change a held lock together with its state; return the lock as it became, or None when fenced."""
        partition = partition_of(key)
        if not _fits_in_place(writes):
            return await self._write_whole(key, actions, condition, operation, becomes, writes, version=version)
        try:
            result = await self._update(partition, [*actions, *_in_place(writes)], condition)
        except PayloadTooLarge:
            return await self._write_whole(key, actions, condition, operation, becomes, writes, version=version)
        if isinstance(result, Refused):
            return _own(result, becomes)
        await self._values.drop(partition, _replaced(_state_in(result.before), writes))
        return operation(_lock_before(result))

    async def _write_whole(
        self,
        key: KeyRef,
        actions: Sequence[Action],
        condition: Condition,
        operation: Callable[[Lock], Lock | None],
        becomes: Lock,
        writes: StateWrites,
        *,
        version: str,
    ) -> Lock | None:
        """Do it with a look at the lock first: values go elsewhere, and that must not be paid for in vain."""
        partition = partition_of(key)
        is_repeat = False
        for _ in range(_READS_MAX):
            raw = await self.dynamo.get(self.models.lock, partition, _LOCK_SORT)
            lock = _lock_in(raw) if raw is not None else NEVER_USED
            if operation(lock) is None:
                return lock if is_repeat and _is_as(lock, becomes) else None
            before = _state_in(raw)
            state = await self._merged(key, before, writes, version=version)
            is_unchanged = L.applied.does_not_exist() if lock.applied == -1 else L.applied == lock.applied
            result = await self._update(partition, [*actions, L.state.set({"M": state})], condition & is_unchanged)
            if isinstance(result, Written):
                await self._values.drop(partition, [old for old in before.values() if old not in state.values()])
                return operation(lock)
            is_repeat = result.is_repeat
        return None

    async def _merged(self, key: KeyRef, before: Mapping[str, Raw], writes: StateWrites, *, version: str) -> Raw:
        """Return the whole state as it is to be in the lock, after what is too large has been put elsewhere."""
        partition = partition_of(key)
        state = {} if writes.clear_all else dict(before)
        for name, value in writes.values:
            if value is None:
                state.pop(map_name(name), None)
            else:
                state[map_name(name)] = await self._values.placed(partition, name, value, version=version)
        if item_bytes(state) > _LOCK_BYTES_MAX:
            for name, raw in state.items():
                if "B" in raw:
                    state[name] = await self._values.placed(
                        partition, name, raw["B"], version=version, inline_bytes_max=MOVED_VALUE_BYTES_MIN
                    )
        if item_bytes(state) > _LOCK_BYTES_MAX:
            raise PayloadTooLarge(
                f"the state of {key.service}/{key.key} has {len(state)} names, which alone weigh {item_bytes(state)}"
                f" bytes; the limit is {_LOCK_BYTES_MAX}: keep them under several keys"
            )
        return state

    async def _entered(self, partition: str, lock: Lock | None, raw: Raw | None) -> Keyed:
        """Return a lock that has just been taken with its state: from now on nobody else changes it."""
        assert lock is not None, "the item allowed what its lock did not"
        state = await self._values.read(partition, _state_in(raw))
        if state is None:
            raise StoreUnreachable("a value of state is missing")
        return Keyed(lock=lock, state=state)

    def _has_expired(self, raw: Raw) -> bool:
        """Return whether a lock is that of a workflow forgotten long ago, which DynamoDB has not deleted yet."""
        return "x" in raw and int(raw["x"]["N"]) <= self._clock.now_ms() // 1000

    async def _forget_expired(self, partition: str, raw: Raw) -> None:
        is_it = (L.expires_s == int(raw["x"]["N"])) & (L.serving == L.next)
        lock = self.models.lock(key=partition)
        await self.dynamo.delete(lock, is_it, is_retention=True)

    async def _update(self, partition: str, actions: Sequence[Action], condition: Condition) -> Written | Refused:
        return await self.dynamo.update(self.models.lock(key=partition), actions, condition, returns="ALL_OLD")


def partition_of(key: KeyRef) -> str:
    """Return the partition of a key."""
    text = key_text(key)
    if len(text.encode()) <= _PARTITION_BYTES_MAX:
        return text
    # No key has a separator in front: there is always a scope, if an empty one, and it is escaped.
    return "\x1d" + sha256(text.encode()).hexdigest()


def key_in(raw: Raw) -> KeyRef:
    """Return the key of a lock's item."""
    return key_of(raw.get("K", raw["p"])["S"])


def _unclaimed(ticket: int) -> Condition:
    condition: Condition = (L.serving == ticket) & (L.next > ticket) & L.holder.does_not_exist()
    return condition


def _held(ticket: int, invocation_id: str) -> Condition:
    condition: Condition = (L.serving == ticket) & (L.holder == invocation_id)
    return condition


def _fits_in_place(writes: StateWrites) -> bool:
    """Return whether an update can name each value, and all of them may live in the lock."""
    is_small = all(value is None or len(value) <= INLINE_VALUE_BYTES_MAX for _, value in writes.values)
    return is_small and len(writes.values) <= _NAMES_MAX


def _in_place(writes: StateWrites) -> list[Action]:
    """Return the actions that write small values one by one."""
    raws = {map_name(name): {"B": value} for name, value in writes.values if value is not None}
    if writes.clear_all:
        return [L.state.set({"M": raws})]
    actions: list[Action] = []
    for name, value in writes.values:
        path = Path(["v", map_name(name)])
        actions.append(path.remove() if value is None else path.set({"B": value}))
    return actions


def _replaced(before: Mapping[str, Raw], writes: StateWrites) -> list[Raw]:
    """Return what stood in the lock for the values that are gone."""
    if writes.clear_all:
        return list(before.values())
    return [before[map_name(name)] for name, _ in writes.values if map_name(name) in before]


def _own(refused: Refused, becomes: Lock) -> Lock | None:
    """Return the lock if it is as a write left it whose answer was lost."""
    if not refused.is_repeat or refused.item is None:
        return None
    lock = _lock_in(refused.item)
    return lock if _is_as(lock, becomes) else None


def _is_as(lock: Lock, becomes: Lock) -> bool:
    return replace(lock, next=becomes.next) == becomes


def _lock_before(written: Written) -> Lock:
    assert written.before is not None
    return _lock_in(written.before)


def _lock_in(raw: Raw) -> Lock:
    return lock_of(L.from_raw_data(dict(raw)))


def _state_in(raw: Raw | None) -> Mapping[str, Raw]:
    state: Mapping[str, Raw] = raw["v"]["M"] if raw is not None and "v" in raw else {}
    return state
