"""Every implementation of the `Store` port, one after the other, as the fixture `store`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from moto import mock_aws

from holdfast_engine.ports import Store
from holdfast_local.sqlite_store import SqliteStore
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_stores import aws_session, client_of, new_store
from tests.support.dynoxide import Dynoxide, DynoxideMissing

# moto is not atomic under concurrency: what runs here asks one thing at a time.
STORES = ("sqlite-file", "sqlite-memory", "moto", "dynoxide")


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    """Run one server for all tests; each has tables of its own."""
    try:
        server = Dynoxide(folder=tmp_path_factory.mktemp("dynoxide"))
    except DynoxideMissing as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.stop()


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
        case "moto":
            with mock_aws():
                on_moto = new_store(aws_session().create_client("dynamodb"), clock=SystemClock())
                yield on_moto
                on_moto.close()
        case "dynoxide":
            server: Dynoxide = request.getfixturevalue("dynoxide")
            on_dynoxide = new_store(client_of(server.url), clock=SystemClock())
            yield on_dynoxide
            on_dynoxide.close()
