"""Promises of workflows, and how the items of a workflow's key go with its run."""

from __future__ import annotations

from hashlib import sha256

from pynamodb.expressions.condition import Condition

from holdfast_aws.dynamo import Refused
from holdfast_aws.items import Raw, promise_of, seconds_up
from holdfast_aws.keys import KeyStore, key_in, partition_of
from holdfast_aws.models import HeadItem as H
from holdfast_aws.models import LockItem as L
from holdfast_aws.models import PromiseItem
from holdfast_aws.models import PromiseItem as P
from holdfast_aws.part import extended
from holdfast_engine.records import KeyRef, Outcome, Promise, Sink, Status

# A sort key holds 1,024 bytes; a longer name is known by its hash.
_NAME_BYTES_MAX = 1_000
_PREFIX = "p"
_HASHED_PREFIX = "P"
_KEYS_ONLY = {"ProjectionExpression": "s, #x", "ExpressionAttributeNames": {"#x": "x"}}
_LOCK_SORT = "l"
_BUSY = {"FilterExpression": "s = :lock AND g < n", "ExpressionAttributeValues": {":lock": {"S": "l"}}}
_LASTING_PREFIXES = (_LOCK_SORT, "s", "p", "P")


class PromiseStore(KeyStore):
    """Promises, and the ends of keys."""

    async def promise(self, key: KeyRef, name: str) -> Promise | None:
        """Return a promise, if anybody completed it or listens to it."""
        raw = await self.dynamo.get(self.models.promise, partition_of(key), _sort_of(name))
        return _promise_in(raw) if raw is not None and not self._has_expired(raw) else None

    async def complete_promise(self, key: KeyRef, name: str, *, outcome: Outcome, by: str) -> tuple[Promise, bool]:
        """Complete a promise; returns the promise as it is now and whether this call's `by` is the one that did it."""
        item = self._item(key, name)
        actions = [P.outcome.set(outcome), P.by.set(by)]
        condition = P.outcome.does_not_exist() & self._is_alive()
        result = await self.dynamo.update(item, actions, condition, returns="ALL_OLD")
        if not isinstance(result, Refused):
            listeners = _promise_in(result.before).listeners if result.before else ()
            return Promise(outcome=outcome, by=by, listeners=listeners), True
        if await self._dropped(item, result):
            return await self.complete_promise(key, name, outcome=outcome, by=by)
        assert result.item is not None
        promise = _promise_in(result.item)
        return promise, promise.by == by

    async def listen_promise(self, key: KeyRef, name: str, listener: Sink) -> Promise | None:
        """Add a listener; None when added, else the completed promise."""
        item = self._item(key, name)
        actions = [extended(P.listeners, [listener])]
        condition = P.outcome.does_not_exist() & self._is_alive() & ~P.listeners.contains(listener)
        result = await self.dynamo.update(item, actions, condition)
        if not isinstance(result, Refused):
            return None
        if await self._dropped(item, result):
            return await self.listen_promise(key, name, listener)
        assert result.item is not None
        promise = _promise_in(result.item)
        return promise if promise.outcome is not None else None

    async def promises(self, key: KeyRef) -> tuple[tuple[str, Promise], ...]:
        """Return the promises of a key by name; of a long name there is only its hash."""
        found: list[tuple[str, Promise]] = []
        for prefix in (_PREFIX, _HASHED_PREFIX):
            # Between, for there is a stand-in whose `begins_with` takes one case for the other.
            values = {":key": partition_of(key), ":from": prefix, ":to": prefix + "\U0010ffff"}
            raws = await self.dynamo.query(self.models.promise, "p = :key AND s BETWEEN :from AND :to", values)
            alive = [raw for raw in raws if not self._has_expired(raw)]
            found += [(raw["s"]["S"].removeprefix(prefix), _promise_in(raw)) for raw in alive]
        return tuple(sorted(found, key=lambda each: each[0]))

    async def retire_key(self, key: KeyRef, *, expires_ms: int) -> None:
        """Let state and promises of a workflow's key expire with its run; repeated, it only reads."""
        partition = partition_of(key)
        raws = await self.dynamo.query(self.models.lock, "p = :key", {":key": partition}, **_KEYS_ONLY)
        for raw in raws:
            if "x" not in raw and raw["s"]["S"].startswith(_LASTING_PREFIXES):
                item = self.models.lock(key=partition, sort=raw["s"]["S"])
                is_unmarked = L.key.exists() & L.expires_s.does_not_exist()
                await self.dynamo.mark(item, [L.expires_s.set(seconds_up(expires_ms))], is_unmarked)

    async def forget_key(self, key: KeyRef, *, run_id: str, nonce: str) -> None:
        """Drop state and promises of a workflow's key, as long as its run is the completed one of that nonce."""
        partition = partition_of(key)
        is_it = (H.nonce == nonce) & (H.status == Status.COMPLETED)
        guard = {"ConditionCheck": self.models.head(id=run_id).get_delete_kwargs_from_instance(is_it)}
        raws = await self.dynamo.query(self.models.lock, "p = :key", {":key": partition}, **_KEYS_ONLY)
        sorts = [raw["s"]["S"] for raw in raws if raw["s"]["S"].startswith(_LASTING_PREFIXES)]
        if _LOCK_SORT in sorts:
            # The lock itself stays, with its tickets. Never made anew: DynamoDB may have deleted it meanwhile.
            lock = self.models.lock(key=partition)
            emptied = lock.get_update_kwargs_from_instance([L.state.set({"M": {}})], L.key.exists())
            await self.dynamo.write_guarded(guard, [{"Update": emptied}])
        keys = [(partition, sort) for sort in sorts if sort != _LOCK_SORT]
        await self.dynamo.delete_guarded(guard, self.models.lock, keys)

    async def busy_keys(self, *, after: KeyRef | None, limit: int) -> list[KeyRef]:
        """Return a page of the keys with `serving < next`."""
        start = {"p": {"S": partition_of(after)}, "s": {"S": "l"}} if after is not None else None
        found: list[KeyRef] = []
        async for page in self.dynamo.scan(self.models.lock, _BUSY, after=start):
            found += map(key_in, page)
            if len(found) >= limit:
                break
        return found[:limit]

    async def busy_keys_page(self, *, behind: Raw | None) -> tuple[list[KeyRef], Raw | None]:
        """Return those among a megabyte of the table, not quite up to date, and where to go on; for who only looks."""
        raws, last = await self.dynamo.scan_page(self.models.lock, _BUSY, after=behind)
        return list(map(key_in, raws)), last

    async def _dropped(self, item: PromiseItem, refused: Refused) -> bool:
        """Delete a promise that refused a write because it is left over from an earlier run; False if it is not."""
        if refused.item is None or not self._has_expired(refused.item):
            return False
        is_it = P.expires_s == int(refused.item["x"]["N"])
        await self.dynamo.delete(item, is_it, is_retention=True)
        return True

    def _is_alive(self) -> Condition:
        condition: Condition = P.expires_s.does_not_exist() | (P.expires_s > self._clock.now_ms() // 1000)
        return condition

    def _item(self, key: KeyRef, name: str) -> PromiseItem:
        return self.models.promise(key=partition_of(key), sort=_sort_of(name))


def _sort_of(name: str) -> str:
    if len(name.encode()) <= _NAME_BYTES_MAX:
        return _PREFIX + name
    return _HASHED_PREFIX + sha256(name.encode()).hexdigest()


def _promise_in(raw: Raw) -> Promise:
    return promise_of(PromiseItem.from_raw_data(dict(raw)))
