"""Making the tables without CDK: on stand-ins for DynamoDB, and for tests."""

from __future__ import annotations

import time
from typing import Any

from holdfast_aws import listing_index
from holdfast_aws.errors import AWS_ERRORS, code_of
from holdfast_aws.models import TableNames
from holdfast_engine.errors import StoreUnreachable
from holdfast_protocol.items import EXPIRES, PARTITION, SORT

# What stand-ins say of calls they do not have.
_UNKNOWN = frozenset({"UnknownOperationException", "InvalidAction", "UnknownOperation", "NotImplemented"})

# Making a table takes DynamoDB some seconds.
_LOOKS_MAX = 60
_LOOK_EVERY_S = 1.0


def create_tables(client: Any, tables: TableNames) -> None:
    """Create all four tables, billed by request, restorable to any second, and wait until they can be used."""
    for name in (tables.journal, tables.keys, tables.timers, tables.registry):
        index, attributes = ({}, []) if name != tables.journal else _listing()
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_keys(PARTITION, SORT),
            AttributeDefinitions=[
                {"AttributeName": PARTITION, "AttributeType": "S"},
                {"AttributeName": SORT, "AttributeType": "S"},
                *attributes,
            ],
            **index,
        )
    for name in (tables.journal, tables.keys, tables.timers, tables.registry):
        _wait_for(client, name)
        recovery = {"PointInTimeRecoveryEnabled": True}
        _where_known(client.update_continuous_backups, TableName=name, PointInTimeRecoverySpecification=recovery)
    for name in (tables.journal, tables.keys):
        live = {"Enabled": True, "AttributeName": EXPIRES}
        _where_known(client.update_time_to_live, TableName=name, TimeToLiveSpecification=live)


def _listing() -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the index of the journal table, and what its keys are made of."""
    index = {
        "IndexName": listing_index.NAME,
        "KeySchema": _keys(listing_index.PARTITION, listing_index.SORT),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    attributes = [
        {"AttributeName": listing_index.PARTITION, "AttributeType": "S"},
        {"AttributeName": listing_index.SORT, "AttributeType": "N"},
    ]
    return {"GlobalSecondaryIndexes": [index]}, attributes


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _wait_for(client: Any, name: str) -> None:
    for _ in range(_LOOKS_MAX):
        if client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE":
            return
        time.sleep(_LOOK_EVERY_S)
    raise StoreUnreachable(f"the table {name} was created and is not active yet")


def _where_known(call: Any, **request: Any) -> None:
    try:
        call(**request)
    except AWS_ERRORS as error:
        if code_of(error) not in _UNKNOWN:
            raise
