"""Functions on Lambda as endpoints of the server on one's own machine."""

from __future__ import annotations

import sys

import pytest

from holdfast_cli.dev.functions import LambdaEndpoints
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Endpoint
from holdfast_local.surroundings import SystemClock

_FUNCTION = Endpoint(transport="lambda", address="arn:aws:lambda:eu-west-1:123456789012:function:greeter:1")


async def test_without_the_packages_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed what calling functions needs is told what to install."""
    monkeypatch.setitem(sys.modules, "holdfast_aws.clients", None)
    endpoints = LambdaEndpoints(clock=SystemClock(), signer=None)
    with pytest.raises(DiscoveryFailed, match=r"install holdfast with the extra \[aws\]"):
        await endpoints.discover(_FUNCTION)
    endpoints.close()


async def test_no_region_of_ones_own_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The region is that of the function; what is wrong with the machine's credentials is said when one is called."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    endpoints = LambdaEndpoints(clock=SystemClock(), signer=None)
    with pytest.raises(DiscoveryFailed, match="credentials"):
        await endpoints.discover(_FUNCTION)
    endpoints.close()
