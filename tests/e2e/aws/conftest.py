"""One deployment for all tests of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.aws.cloud import Cloud, deployed

HERE = Path(__file__).resolve().parent
# The first test waits for the deployment, which takes a minute of a machine that has nothing else to do.
PATIENCE_S = 600
# All processes are started anew.
ROUND_S = 60


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the tests of this folder time for the deployment, and for as many kills as are asked for."""
    patience_s = PATIENCE_S + ROUND_S * int(config.getoption("--aws-kill-rounds"))
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(patience_s))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The stack, deployed by the real `cdk deploy`."""
    with deployed(tmp_path_factory.mktemp("cloud")) as found:
        yield found
