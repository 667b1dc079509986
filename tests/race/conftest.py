"""A DynamoDB-compatible server to fight on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dynoxide import Dynoxide, DynoxideMissing


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    """Run one server."""
    try:
        server = Dynoxide(folder=tmp_path_factory.mktemp("dynoxide"))
    except DynoxideMissing as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.stop()
