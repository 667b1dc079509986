"""Every example over real HTTP: in the server's process, and by URI with our SDK and with the official one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import stages
from tests.e2e.cases import CASES, MODULES, OWN_CASES, OWN_MODULES, Case, Stage


@pytest.fixture(scope="module", params=["in-process", "holdfast", "restate-sdk"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server with the examples, whose handlers run as the parameter says."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "in-process":
        with stages.in_process([*MODULES, *OWN_MODULES], folder=folder) as found:
            yield found
    else:
        modules = MODULES if request.param == "restate-sdk" else [*MODULES, *OWN_MODULES]
        with stages.over_http(modules, sdk=request.param, folder=folder) as found:
            yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_example(case: Case, stage: Stage) -> None:
    """The example does what it says, whichever way its handlers are served."""
    case(stage)


@pytest.mark.parametrize("stage", ["in-process", "holdfast"], indirect=True)
@pytest.mark.parametrize("case", OWN_CASES, ids=lambda case: case.__name__)
def test_example_of_what_only_our_sdk_has(case: Case, stage: Stage) -> None:
    """Sagas and timeouts work in the server's process and behind a URI."""
    case(stage)
