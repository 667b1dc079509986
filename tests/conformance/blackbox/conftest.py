"""Which cases are played where, and the table of times at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Sequence

import pytest
import pytest_asyncio

from tests.conformance.blackbox.arena import IN_PROCESS, ORCHESTRATORS, SDKS, Arena
from tests.conformance.blackbox.arenas import Arenas, Place
from tests.conformance.blackbox.ratios import Played, groups_of, ratio_lines
from tests.conformance.blackbox.server import Server
from tests.support.npm import NodeMissing

# The cases that passed, with their times.
PLAYED = pytest.StashKey[list[Played]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the times."""
    config.stash[PLAYED] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play a case on every orchestrator that was asked for, with every SDK that has what it needs."""
    if "arena" not in metafunc.fixturenames:
        return
    needed = next((mark.args for mark in metafunc.definition.iter_markers("sdks")), SDKS)
    has_scopes = metafunc.definition.get_closest_marker("scopes") is not None
    places = [
        pytest.param(
            # Our server has scopes anyhow.
            Place(orchestrator=orchestrator, sdk=sdk, has_scopes=has_scopes and orchestrator == "restate"),
            id=f"{orchestrator}-{sdk}",
        )
        for sdk in _sdks(metafunc.config.getoption("--sdks"))
        for orchestrator in _orchestrators(metafunc.config.getoption("--orchestrators"))
        if sdk in needed and not (orchestrator == "restate" and sdk == IN_PROCESS)
    ]
    metafunc.parametrize("arena", places, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Play one SDK after the other, and each case here and there within seconds, so that a busy moment hits both.

    What compares them comes last, and not at all where there is nothing to compare.
    """
    last = [item for item in items if item.get_closest_marker("played_last")]
    items[:] = [item for item in items if item not in last]
    if len(_orchestrators(config.getoption("--orchestrators"))) > 1:
        items += last
    else:
        config.hook.pytest_deselected(items=last)
    played = [index for index, item in enumerate(items) if _place(item) is not None]
    in_order = sorted(played, key=lambda index: _order(items[index], index))
    for index, item in zip(played, [items[index] for index in in_order], strict=True):
        items[index] = item


def _order(item: pytest.Item, index: int) -> tuple[int, int]:
    place = _place(item)
    assert place is not None
    return SDKS.index(place.sdk), index


def _place(item: pytest.Item) -> Place | None:
    callspec = getattr(item, "callspec", None)
    place = None if callspec is None else callspec.params.get("arena")
    # Where none of the SDKs that were asked for has what a case needs, pytest puts a word of its own.
    return place if isinstance(place, Place) else None


def _orchestrators(asked: str) -> Sequence[str]:
    return ORCHESTRATORS if asked == "both" else asked.split(",")


def _sdks(asked: str) -> Sequence[str]:
    return SDKS if asked == "all" else asked.split(",")


@pytest.fixture(scope="session")
def arenas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arenas]:
    """All that is running."""
    found = Arenas(make_folder=tmp_path_factory.mktemp)
    yield found
    found.stop()


@pytest.fixture
def arena(request: pytest.FixtureRequest, arenas: Arenas) -> Arena:
    """An orchestrator with the handlers."""
    place: Place = request.param
    try:
        found = arenas.at(place)
    except NodeMissing as missing:
        pytest.skip(f"playing on {place.orchestrator} with {place.sdk} {missing}")
    found.starting_s = 0.0
    return found


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
        place, arena = _place(item), item.funcargs["arena"]
        assert place is not None
        assert isinstance(arena, Arena)
        played = Played(
            group=item.path.stem.removeprefix("test_"),
            # The case with its parameters, wherever it was played.
            case=item.name.replace(f"{place.orchestrator}-{place.sdk}", "", 1),
            orchestrator=place.orchestrator,
            sdk=place.sdk,
            seconds=call.duration - arena.starting_s,
        )
        item.config.stash[PLAYED].append(played)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the ratios when both orchestrators were played on."""
    if lines := ratio_lines(groups_of(config.stash[PLAYED])):
        terminalreporter.section("time per group, Holdfast against a stock Restate server")
        for line in lines:
            terminalreporter.line(line)
