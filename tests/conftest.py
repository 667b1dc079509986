"""Options that several kinds of tests share."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

# What fetches compilers' packages is asked for by name: `make test-languages`.
collect_ignore = [] if os.environ.get("HOLDFAST_TEST_ALL") else ["conformance/languages"]

# Folders whose tests share something that takes long to start stay together, the longest first.
_TOGETHER = (
    "e2e/aws",
    "e2e/faults",
    "conformance/blackbox",
    "e2e/ui",
    "conformance/cli",
    "conformance/store",
    "properties/aws",
    "unit/cdk",
    "unit/aws",
    "race",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kill test (how often, with which dice) and of the black-box cases (where they play)."""
    parser.addoption("--kill-rounds", type=int, default=10, help="how often the server is killed with -9 under load")
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tell processes that share the tests what is played in one of them: a file, or all that shares a server."""
    if not config.getoption("numprocesses", default=None):
        return
    items.sort(key=_turn)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _folder(item: pytest.Item) -> str | None:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return next((folder for folder in _TOGETHER if path.startswith(f"{folder}/")), None)


def _turn(item: pytest.Item) -> int:
    folder = _folder(item)
    return len(_TOGETHER) if folder is None else _TOGETHER.index(folder)


def _group(item: pytest.Item) -> str:
    folder = _folder(item)
    if folder is None:
        return item.path.as_posix()
    if isinstance(item, pytest.Function) and "arena" in item.fixturenames:
        # Of the black-box cases, those of one server with one SDK.
        played_on: tuple[str, ...] = item.callspec.params["arena"]  # type: ignore[assignment]  # as their conftest gives it
        return "-".join((folder, *played_on))
    return folder
