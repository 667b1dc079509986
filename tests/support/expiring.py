"""DynamoDB's time to live, which its stand-ins do not have: what has expired is deleted when a test says so."""

from __future__ import annotations

from typing import Any

from holdfast_aws.store import DynamoStore


async def items_of(store: DynamoStore, invocation_id: str) -> dict[str, Any]:
    """Return all items of an invocation by their sort keys."""
    raws = await store.dynamo.query(store.models.head, "p = :id", {":id": invocation_id})
    return {raw["s"]["S"]: raw for raw in raws}


async def marks_of(store: DynamoStore, invocation_id: str) -> dict[str, int | None]:
    """Return when each item of an invocation expires, by its sort key; the head apart."""
    items = await items_of(store, invocation_id)
    return {sort: int(raw["x"]["N"]) if "x" in raw else None for sort, raw in items.items() if sort != "h"}


async def let_expire(store: DynamoStore, *, now_ms: int) -> list[str]:
    """Delete what has expired by now, and return the sort keys of that."""
    gone: list[str] = []
    async for page in store.dynamo.scan(store.models.head, {}, after=None):
        for raw in page:
            if "x" in raw and int(raw["x"]["N"]) * 1000 < now_ms:
                await store.dynamo.delete_many(store.models.head, [(raw["p"]["S"], raw["s"]["S"])])
                gone.append(raw["s"]["S"])
    return gone
