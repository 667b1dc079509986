"""Options that several kinds of tests share."""

from __future__ import annotations

import secrets

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kill test: how often, and with which dice."""
    parser.addoption("--kill-rounds", type=int, default=10, help="how often the server is killed with -9 under load")
    parser.addoption("--kill-seed", type=int, default=None, help="the seed of a failed run, to repeat its moments")


@pytest.fixture
def kill_rounds(request: pytest.FixtureRequest) -> int:
    """How many rounds of kill -9 to play."""
    return int(request.config.getoption("--kill-rounds"))


@pytest.fixture
def kill_seed(request: pytest.FixtureRequest) -> int:
    """The seed of the moments; a new one each run, and printed with a failure."""
    seed = request.config.getoption("--kill-seed")
    seed = secrets.randbits(32) if seed is None else int(seed)
    print(f"repeat this run's moments with --kill-seed={seed}")
    return seed
