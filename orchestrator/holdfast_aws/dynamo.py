"""The one way to DynamoDB: sends requests from threads, repeats what may be repeated, and keeps the bill.

A write that is repeated after a lost answer meets its own traces: its condition no longer holds. So a refusal says
whether an earlier try may have been carried out, and shows the item as it is; each operation knows how to tell its own
write from somebody else's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from holdfast_aws.clients import THREADS_MAX
from holdfast_aws.errors import AWS_ERRORS, Trouble, item_in, store_error, trouble_of
from holdfast_aws.items import Raw, item_bytes
from holdfast_engine.meter import Meter

Request = dict[str, Any]

# How long one request is tried: about three seconds of pauses, far below a lease.
TRIES_MAX = 8
_PAUSE_FIRST_S = 0.025
_PAUSE_MAX_S = 1.0
# DynamoDB's own bounds of one request.
_BATCH_WRITES_MAX = 25
_BATCH_READS_MAX = 100
_TRANSACTION_ITEMS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The write was done; `before` is the item as it was, where that was asked for and there was one."""

    before: Raw | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The condition did not hold for `item`. `is_repeat`: an earlier try of this write may have been carried out."""

    item: Raw | None
    is_repeat: bool


class Dynamo:
    """Requests to the tables of one deployment."""

    def __init__(self, client: Any, *, meter: Meter, tries_max: int = TRIES_MAX) -> None:
        self._client = client
        self._meter = meter
        self._tries_max = tries_max
        self._threads = ThreadPoolExecutor(max_workers=THREADS_MAX, thread_name_prefix="holdfast-dynamodb")

    def close(self) -> None:
        """Wait for what is under way, and take nothing more."""
        self._threads.shutdown()

    async def put(self, item: Model, condition: Condition | None) -> Written | Refused:
        """Put an item."""
        request = item.get_save_kwargs_from_instance(condition, return_values_on_condition_failure="ALL_OLD")
        return await self._write(self._client.put_item, request)

    async def update(
        self,
        item: Model,
        actions: Sequence[Action],
        condition: Condition,
        *,
        returns: Literal["NONE", "ALL_OLD"] = "NONE",
    ) -> Written | Refused:
        """Change an item, or make it."""
        request = item.get_update_kwargs_from_instance(
            list(actions), condition, return_values_on_condition_failure="ALL_OLD"
        )
        return await self._write(self._client.update_item, {**request, "ReturnValues": returns})

    async def delete(self, item: Model, condition: Condition | None, *, is_retention: bool) -> Written | Refused:
        """Delete an item."""
        request = item.get_delete_kwargs_from_instance(condition, return_values_on_condition_failure="ALL_OLD")
        return await self._write(self._client.delete_item, request, is_retention=is_retention)

    async def mark(self, item: Model, actions: Sequence[Action], condition: Condition) -> None:
        """Change an item for its retention's sake, unless the condition does not hold."""
        request = item.get_update_kwargs_from_instance(list(actions), condition)
        await self._write(self._client.update_item, request, is_retention=True)

    async def get(self, model: type[Model], partition: str, sort: str) -> Raw | None:
        """Return an item."""
        request = {"TableName": model.Meta.table_name, "Key": _key(partition, sort), "ConsistentRead": True}
        item: Raw | None = (await self._read(self._client.get_item, request)).get("Item")
        return item

    async def get_many(self, model: type[Model], partition: str, sorts: Sequence[str]) -> list[Raw]:
        """Return those of the items that exist."""
        table, found = model.Meta.table_name, []
        keys = [_key(partition, sort) for sort in sorts]
        while keys:
            some, keys = keys[:_BATCH_READS_MAX], keys[_BATCH_READS_MAX:]
            request = {"RequestItems": {table: {"Keys": some, "ConsistentRead": True}}}
            answer = await self._read(self._client.batch_get_item, request)
            found += answer["Responses"].get(table, [])
            # An answer holds 16 MB; what is beyond is asked for again.
            keys += answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return found

    async def query(self, model: type[Model], condition: str, values: Mapping[str, str], **options: Any) -> list[Raw]:
        """Return the items of one partition that a key condition names, in order."""
        request = {
            "TableName": model.Meta.table_name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
            "ConsistentRead": True,
            **options,
        }
        limit = options.get("Limit")
        found: list[Raw] = []
        async for page in self._pages(self._client.query, request):
            found += page
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    async def scan(self, model: type[Model], request: Request, *, after: Raw | None) -> AsyncIterator[list[Raw]]:
        """Yield the items of a whole table, a page at a time; only for those who look at everything."""
        whole = {"TableName": model.Meta.table_name, "ConsistentRead": True, **request}
        if after is not None:
            whole["ExclusiveStartKey"] = after
        async for page in self._pages(self._client.scan, whole):
            yield page

    async def scan_page(
        self, model: type[Model], request: Request, *, after: Raw | None
    ) -> tuple[list[Raw], Raw | None]:
        """Return what one request finds, not quite up to date and at half the price, and the key to go on behind."""
        whole = {"TableName": model.Meta.table_name, **request}
        if after is not None:
            whole["ExclusiveStartKey"] = after
        answer = await self._read(self._client.scan, whole)
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def index_page(self, model: type[Model], request: Request) -> tuple[list[Raw], Raw | None]:
        """Return what one query of an index finds, and the key to go on behind; for people, who wait for no write."""
        answer, _ = await self._send(self._client.query, {"TableName": model.Meta.table_name, **request})
        self._meter.bill_listing_read(_units(answer))
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def glance(self, model: type[Model], keys: Sequence[tuple[str, str]]) -> list[Raw]:
        """Return those of up to a hundred items that exist, not quite up to date and at half the price."""
        table, found = model.Meta.table_name, []
        left = [_key(partition, sort) for partition, sort in keys]
        while left:
            answer, _ = await self._send(self._client.batch_get_item, {"RequestItems": {table: {"Keys": left}}})
            self._meter.bill_listing_read(_units(answer))
            found += answer["Responses"].get(table, [])
            # An answer holds 16 MB; what is beyond is asked for again.
            left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return found

    async def note(self, item: Model) -> None:
        """Put an item that nothing but lists is made from."""
        answer, _ = await self._send(self._client.put_item, item.get_save_kwargs_from_instance())
        self._meter.bill_listing(round(_units(answer)))

    async def delete_many(self, model: type[Model], keys: Sequence[tuple[str, str]]) -> None:
        """Delete items whatever they hold."""
        table = model.Meta.table_name
        left = [{"DeleteRequest": {"Key": _key(partition, sort)}} for partition, sort in keys]
        while left:
            some, left = left[:_BATCH_WRITES_MAX], left[_BATCH_WRITES_MAX:]
            answer, _ = await self._send(self._client.batch_write_item, {"RequestItems": {table: some}})
            self._bill(answer, self._meter.bill_retention)
            left += answer.get("UnprocessedItems", {}).get(table, [])

    async def delete_guarded(self, guard: Raw, model: type[Model], keys: Sequence[tuple[str, str]]) -> bool:
        """Delete items as long as a condition on another item holds; False when it does not."""
        table = model.Meta.table_name
        deletes = [{"Delete": {"TableName": table, "Key": _key(partition, sort)}} for partition, sort in keys]
        return await self.write_guarded(guard, deletes)

    async def write_guarded(self, guard: Raw, writes: Sequence[Raw]) -> bool:
        """Write to items for their retention's sake, in transactions with a condition; False when one did not hold."""
        left = list(writes)
        while left:
            some, left = left[: _TRANSACTION_ITEMS_MAX - 1], left[_TRANSACTION_ITEMS_MAX - 1 :]
            answer, _ = await self._send(self._client.transact_write_items, {"TransactItems": [guard, *some]})
            if isinstance(answer, Refused):
                return False
            self._bill(answer, self._meter.bill_retention)
        return True

    async def _write(
        self, method: Callable[..., Any], request: Request, *, is_retention: bool = False
    ) -> Written | Refused:
        bill = self._meter.bill_retention if is_retention else self._meter.bill_write
        answer, is_repeat = await self._send(method, request)
        if isinstance(answer, Refused):
            # DynamoDB bills a refused write by the item it looked at, and does not say so in the answer.
            bill(max(1, -(-item_bytes(answer.item) // 1024)) if answer.item else 1)
            return Refused(item=answer.item, is_repeat=is_repeat)
        self._bill(answer, bill)
        self._meter.bill_listing(round(_index_units(answer)))
        before = answer.get("Attributes") or {}
        # Of an item that was not there, one stand-in returns the key.
        return Written(before=before if before.keys() > {"p", "s"} else None)

    async def _read(self, method: Callable[..., Any], request: Request) -> Any:
        answer, _ = await self._send(method, request)
        self._bill(answer, self._meter.bill_read)
        return answer

    async def _pages(self, method: Callable[..., Any], request: Request) -> AsyncIterator[list[Raw]]:
        while True:
            answer = await self._read(method, request)
            yield answer["Items"]
            last = answer.get("LastEvaluatedKey")
            if last is None:
                return
            request = {**request, "ExclusiveStartKey": last}

    async def _send(self, method: Callable[..., Any], request: Request) -> tuple[Any, bool]:
        """Return the answer, or `Refused`, and whether an earlier try may have been carried out."""
        call = partial(method, **request, ReturnConsumedCapacity="INDEXES")
        is_repeat = False
        for tried in range(1, self._tries_max + 1):
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, call), is_repeat
            except AWS_ERRORS as error:
                trouble = trouble_of(error)
                if trouble is Trouble.REFUSED:
                    return Refused(item=item_in(error), is_repeat=is_repeat), is_repeat
                if trouble is Trouble.FINAL or tried == self._tries_max:
                    raise store_error(error, f"DynamoDB {method.__name__}") from error
                is_repeat = is_repeat or trouble is Trouble.UNCERTAIN
            # Full jitter: those who were refused together do not come back together.
            await asyncio.sleep(random.random() * min(_PAUSE_FIRST_S * 2**tried, _PAUSE_MAX_S))
        raise AssertionError("the last try returns or raises")

    def _bill(self, answer: Mapping[str, Any], bill: Callable[[int], None]) -> None:
        # Strongly consistent reads and writes cost whole units.
        bill(round(_units(answer) - _index_units(answer)))


def _consumed(answer: Mapping[str, Any]) -> list[Raw]:
    consumed = answer.get("ConsumedCapacity") or []
    return [consumed] if isinstance(consumed, dict) else consumed


def _units(answer: Mapping[str, Any]) -> float:
    units: float = sum(entry["CapacityUnits"] for entry in _consumed(answer))
    return units


def _index_units(answer: Mapping[str, Any]) -> float:
    """Return how much of what was consumed is an index's, which is a part of the whole."""
    indexes = [each for entry in _consumed(answer) for each in entry.get("GlobalSecondaryIndexes", {}).values()]
    units: float = sum(each["CapacityUnits"] for each in indexes)
    return units


def _key(partition: str, sort: str) -> dict[str, Any]:
    return {"p": {"S": partition}, "s": {"S": sort}}
