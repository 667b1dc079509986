"""Which cases are played where, and the table of times at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import cast

import pytest
import pytest_asyncio

from tests.conformance.blackbox.arena import IN_PROCESS, ORCHESTRATORS, SDKS, Arena, start_arena
from tests.conformance.blackbox.launch import node_folder
from tests.conformance.blackbox.ratios import Played, ratio_lines
from tests.conformance.blackbox.server import Server
from tests.support.npm import NodeMissing
from tests.support.restate_server import restate_binary

_SCOPES = "scopes"

_PLAYED = pytest.StashKey[list[Played]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the times."""
    config.stash[_PLAYED] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play a case on every orchestrator that was asked for, with every SDK that has what it needs."""
    if "arena" not in metafunc.fixturenames:
        return
    needed = next((mark.args for mark in metafunc.definition.iter_markers("sdks")), SDKS)
    has_scopes = metafunc.definition.get_closest_marker("scopes") is not None
    pairs = [
        pytest.param(
            # Our server has scopes anyhow.
            (orchestrator, sdk, _SCOPES) if has_scopes and orchestrator == "restate" else (orchestrator, sdk),
            id=f"{orchestrator}-{sdk}",
        )
        for orchestrator in _orchestrators(metafunc.config.getoption("--orchestrators"))
        for sdk in _sdks(metafunc.config.getoption("--sdks"))
        if sdk in needed and not (orchestrator == "restate" and sdk == IN_PROCESS)
    ]
    metafunc.parametrize("arena", pairs, indirect=True, scope="session")


def _orchestrators(asked: str) -> Sequence[str]:
    return ORCHESTRATORS if asked == "both" else asked.split(",")


def _sdks(asked: str) -> Sequence[str]:
    return SDKS if asked == "all" else asked.split(",")


@pytest.fixture(scope="session")
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """An orchestrator with the handlers."""
    orchestrator, sdk, *features = request.param
    try:
        if orchestrator == "restate":
            restate_binary()
        if sdk == "node":
            node_folder()
    except NodeMissing as missing:
        pytest.skip(f"playing on {orchestrator} with {sdk} {missing}")
    folder = tmp_path_factory.mktemp("-".join(request.param))
    started = start_arena(orchestrator, sdk, folder=folder, has_scopes=_SCOPES in features)
    yield started
    started.stop()


@pytest_asyncio.fixture
async def server(arena: Arena) -> AsyncIterator[Server]:
    """The server as a client sees it."""
    async with Server(arena) as found:
        yield found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how long each case took that passed."""
    report = yield
    if report.when == "call" and report.passed and isinstance(item, pytest.Function) and "arena" in item.fixturenames:
        orchestrator, sdk, *_ = cast(tuple[str, ...], item.callspec.params["arena"])
        played = Played(
            group=item.path.stem.removeprefix("test_"),
            # The case with its parameters, wherever it was played.
            case=item.name.replace(orchestrator, "", 1),
            orchestrator=orchestrator,
            sdk=sdk,
            seconds=call.duration,
        )
        item.config.stash[_PLAYED].append(played)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the ratios when both orchestrators were played on."""
    if lines := ratio_lines(config.stash[_PLAYED]):
        terminalreporter.section("time per group, Holdfast against a stock Restate server")
        for line in lines:
            terminalreporter.line(line)
