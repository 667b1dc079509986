"""Stores on a DynamoDB-compatible server: tables of their own each, so that many share one server."""

from __future__ import annotations

import itertools
import os
from typing import Any

import botocore.session

from holdfast_aws.clients import dynamodb_client
from holdfast_aws.models import TableNames
from holdfast_aws.store import DynamoStore
from holdfast_aws.tables import create_tables
from holdfast_engine.ports import Clock

_numbers = itertools.count(1)


def aws_session() -> Any:
    """Return a session with made-up credentials that looks for nothing on this machine."""
    session = botocore.session.Session()
    session.set_credentials("key-of-tests", "secret-of-tests")
    session.set_config_variable("region", "us-east-1")
    return session


def new_tables(client: Any) -> TableNames:
    """Create tables that nobody else uses."""
    prefix = f"t{os.getpid()}x{next(_numbers)}"
    names = TableNames(
        journal=f"{prefix}-journal", keys=f"{prefix}-keys", timers=f"{prefix}-timers", registry=f"{prefix}-registry"
    )
    create_tables(client, names)
    return names


def new_store(client: Any, *, clock: Clock) -> DynamoStore:
    """Return a store on new tables, whose largest values stay in this process."""
    return DynamoStore(client, new_tables(client), clock=clock, blobs=MemoryBlobs())


def client_of(url: str) -> Any:
    """Return a client of a server on this machine."""
    return dynamodb_client(aws_session(), endpoint_url=url)


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
