"""An invocation that can only fail is put aside for a person, and whoever comes beside it is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.processes import DevServer
from tests.support.poisoning import poison_is_parked_and_starves_nobody
from tests.support.site import Site

POISONS = 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the handlers tell what they look at."""
    return tmp_path / "looked.log"


@pytest.fixture
def server(tmp_path: Path, log: Path) -> Iterator[DevServer]:
    """A server with handlers that fail for some inputs, three times and then no more."""
    server = DevServer(["tests.support.services.poison"], folder=tmp_path, env={"HOLDFAST_TEST_LOG": str(log)})
    server.start()
    yield server
    server.kill()


def test_poison_is_parked_and_starves_nobody(server: DevServer, log: Path) -> None:
    """Each poison is tried as often as the policy says and pauses with its reason; all the others complete."""
    with Site(server.ingress_url, server.admin_url) as site:
        poison_is_parked_and_starves_nobody(site, log, count=POISONS)
