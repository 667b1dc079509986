"""One DynamoDB-compatible server for the properties, and a store on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from holdfast_aws.store import DynamoStore
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_stores import client_of, new_store
from tests.support.dynoxide import Dynoxide

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Run coroutines on one loop: Hypothesis calls a test many times, and all of them share the store's threads."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def store(dynoxide: Dynoxide) -> Iterator[DynamoStore]:
    """Return a store on tables of its own."""
    store = new_store(client_of(dynoxide.url), clock=SystemClock())
    yield store
    store.close()
