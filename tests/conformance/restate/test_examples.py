"""The examples on a stock Restate server: our SDK does there what the official one does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import stages
from tests.e2e.cases import CASES, MODULES, OWN_CASES, OWN_MODULES, Case, Stage
from tests.support.npm import NodeMissing
from tests.support.restate_server import restate_binary

pytestmark = pytest.mark.restate


# The official SDK is the control: a case that it fails there is wrong.
@pytest.fixture(scope="module", params=["holdfast", "restate-sdk"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stock Restate server with the examples, served by the SDK that the parameter names."""
    try:
        restate_binary()
    except NodeMissing as missing:
        pytest.skip(f"the group `make test-restate` {missing}")
    modules = [*MODULES, *OWN_MODULES] if request.param == "holdfast" else MODULES
    with stages.on_restate(modules, sdk=request.param, folder=tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_example(case: Case, stage: Stage) -> None:
    """The example does there what it does here."""
    case(stage)


@pytest.mark.parametrize("stage", ["holdfast"], indirect=True)
@pytest.mark.parametrize("case", OWN_CASES, ids=lambda case: case.__name__)
def test_example_of_what_only_our_sdk_has(case: Case, stage: Stage) -> None:
    """Sagas and timeouts need nothing that a stock server has not."""
    case(stage)
