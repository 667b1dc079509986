"""A DynamoDB-compatible server that writes its own bill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dynoxide import Dynoxide, DynoxideMissing


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    """Run one server; each test has tables of its own."""
    try:
        server = Dynoxide(folder=tmp_path_factory.mktemp("dynoxide"))
    except DynoxideMissing as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.stop()
