"""One deployment for all tests of the stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.aws.cloud import Cloud, deployed


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The stack, deployed by the real `cdk deploy`."""
    with deployed(tmp_path_factory.mktemp("cloud")) as found:
        yield found
