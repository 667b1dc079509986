"""Handlers in every SDK's own way, through function URL, queue, dispatcher and Lambda functions."""

from __future__ import annotations

import pytest

from tests.e2e.aws.cloud import Cloud
from tests.e2e.cases import CASES, OWN_CASES, Case


@pytest.mark.parametrize("case", [*CASES, *OWN_CASES], ids=lambda case: case.__name__)
def test_example(case: Case, cloud: Cloud) -> None:
    """The example does what it says on the deployed stack."""
    case(cloud.stage)


@pytest.mark.parametrize("service", ["PythonTour", "NodeTour"])
def test_official_sdk(service: str, cloud: Cloud) -> None:
    """A function with an official SDK runs its steps, sleeps, and calls a service of another function."""
    expected = ["stop 0", "stop 1", "stop 2", "twice as many are 6"]
    assert cloud.site.call(f"/{service}/visit", 3) == expected
