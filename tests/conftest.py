"""Options and servers that several kinds of tests share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.support.dynoxide import Dynoxide, DynoxideMissing

# What fetches compilers' packages is asked for by name: `make test-languages`.
collect_ignore = [] if os.environ.get("HOLDFAST_TEST_ALL") else ["conformance/languages"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kill test (how often, with which dice) and of the black-box cases (where they play)."""
    parser.addoption("--kill-rounds", type=int, default=10, help="how often the server is killed with -9 under load")
    parser.addoption("--aws-kill-rounds", type=int, default=3, help="how often all workers of the AWS stand-in are")
    parser.addoption("--kill-seed", type=int, default=None, help="the seed of a failed run, to repeat its moments")
    parser.addoption(
        "--orchestrators", default="holdfast", help="where black-box cases play: holdfast, restate or both"
    )
    parser.addoption("--program-seed", type=int, default=None, help="the seed of random programs that went wrong")
    # Our own handlers in the server's process, and theirs in one of Node: most of what there is to differ, in half the
    # time. `make conformance` plays it all.
    parser.addoption(
        "--sdks",
        default="in-process,node",
        help="whose handlers they play with: in-process,holdfast,restate-sdk,node, or all",
    )


@pytest.fixture
def kill_rounds(request: pytest.FixtureRequest) -> int:
    """How many rounds of kill -9 to play."""
    return int(request.config.getoption("--kill-rounds"))


@pytest.fixture
def aws_kill_rounds(request: pytest.FixtureRequest) -> int:
    """How many rounds of kill -9 to play with the workers of the stand-in for AWS."""
    return int(request.config.getoption("--aws-kill-rounds"))


@pytest.fixture
def kill_seed(request: pytest.FixtureRequest) -> int:
    """The seed of the moments; a new one each run, and printed with a failure."""
    seed = request.config.getoption("--kill-seed")
    seed = secrets.randbits(32) if seed is None else int(seed)
    print(f"repeat this run's moments with --kill-seed={seed}")
    return seed


@pytest.fixture
def program_seed(request: pytest.FixtureRequest) -> int:
    """The seed of random programs; a new one each time, and printed with a failure."""
    seed = request.config.getoption("--program-seed")
    seed = secrets.randbits(32) if seed is None else int(seed)
    print(f"repeat these programs with --program-seed={seed}")
    return seed


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    """One DynamoDB-compatible server, which says what each request costs; each test has tables of its own."""
    try:
        server = Dynoxide(folder=tmp_path_factory.mktemp("dynoxide"))
    except DynoxideMissing as error:
        pytest.skip(str(error))
    server.start()
    yield server
    server.stop()
