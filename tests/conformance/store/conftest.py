"""Every implementation of the `Store` port, one after the other, as the fixture `store`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from holdfast_engine.ports import Store
from holdfast_local.sqlite_store import SqliteStore
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_stores import aws_session, client_of, new_store

# moto is not atomic under concurrency: what runs here asks one thing at a time.
STORES = ("sqlite-file", "sqlite-memory", "moto", "dynoxide")


@pytest.fixture(scope="session")
def clients(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Give one client to each server: making one takes longer than most of these tests."""
    with mock_aws():
        made: dict[str, Any] = {}

        def client(of: str) -> Any:
            if of not in made and of == "moto":
                made[of] = aws_session().create_client("dynamodb")
            elif of not in made:
                made[of] = client_of(request.getfixturevalue("dynoxide").url)
            return made[of]

        yield client


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with _opened(request, tmp_path) as store:
        yield store


@asynccontextmanager
async def _opened(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Store]:
    match request.param:
        case "sqlite-file" | "sqlite-memory":
            sqlite = SqliteStore(folder / "holdfast.db" if request.param == "sqlite-file" else None)
            sqlite.open()
            yield sqlite
            await sqlite.close()
        case _:
            dynamo = new_store(request.getfixturevalue("clients")(request.param), clock=SystemClock())
            yield dynamo
            dynamo.close()
