"""Stores on a DynamoDB-compatible server: tables of their own each, so that many share one server."""

from __future__ import annotations

import itertools
import os
from typing import Any

import botocore.session

from holdfast_aws import listing_index
from holdfast_aws.clients import dynamodb_client
from holdfast_aws.models import TableNames
from holdfast_aws.store import DynamoStore
from holdfast_engine.ports import Clock
from holdfast_protocol.items import PARTITION, SORT

_numbers = itertools.count(1)


def aws_session() -> Any:
    """Return a session with made-up credentials that looks for nothing on this machine."""
    session = botocore.session.Session()
    session.set_credentials("key-of-tests", "secret-of-tests")
    session.set_config_variable("region", "us-east-1")
    return session


def new_tables(client: Any) -> TableNames:
    """Create tables that nobody else uses, on a server that has them at once and never deletes what has expired."""
    prefix = f"t{os.getpid()}x{next(_numbers)}"
    names = TableNames(
        journal=f"{prefix}-journal", keys=f"{prefix}-keys", timers=f"{prefix}-timers", registry=f"{prefix}-registry"
    )
    _create(client, names.journal, {listing_index.PARTITION: "S", listing_index.SORT: "N"})
    for name in (names.keys, names.timers, names.registry):
        _create(client, name, {})
    return names


def new_store(client: Any, *, clock: Clock) -> DynamoStore:
    """Return a store on new tables, whose largest values stay in this process."""
    return DynamoStore(client, new_tables(client), clock=clock, blobs=MemoryBlobs())


def client_of(url: str) -> Any:
    """Return a client of a server on this machine."""
    return dynamodb_client(aws_session(), endpoint_url=url)


def _create(client: Any, name: str, listed: dict[str, str]) -> None:
    types = {PARTITION: "S", SORT: "S", **listed}
    projection = {"ProjectionType": "KEYS_ONLY"}
    index = {"IndexName": listing_index.NAME, "KeySchema": _keys(*listed), "Projection": projection} if listed else {}
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_keys(PARTITION, SORT),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": of} for name, of in types.items()],
        **({"GlobalSecondaryIndexes": [index]} if index else {}),
    )


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


class MemoryBlobs:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}

    async def put(self, owner: str, name: str, content: bytes) -> None:
        self.blobs[owner, name] = content

    async def get(self, owner: str, name: str) -> bytes:
        return self.blobs[owner, name]

    async def drop(self, owner: str, name: str) -> None:
        self.blobs.pop((owner, name), None)

    async def forget(self, owner: str) -> None:
        for key in [key for key in self.blobs if key[0] == owner]:
            del self.blobs[key]
