"""Discovery: the same source, served by Restate's SDK, describes itself the same way."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import pytest
from restate.discovery import compute_discovery_json
from restate.endpoint import Endpoint as OfficialEndpoint

import holdfast
from holdfast_protocol.manifest import manifest_to_json
from tests.support.serve import with_official_sdk

COMMON = [
    "order_service",
    "communication",
    "user_account",
    "role_updater",
    "reservation",
    "food_order",
    "payments",
    "state_machine",
    "parallel_work",
    "workflow",
]


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_the_manifest_is_the_official_one(name: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example's manifest equals the official SDK's, except that inputs are said to be required."""
    ours = importlib.import_module(f"examples.{name}")
    monkeypatch.setitem(sys.modules, f"examples.{name}", ours)  # the official copy takes its place until the end
    theirs = with_official_sdk(f"examples.{name}")
    official = json.loads(
        compute_discovery_json(OfficialEndpoint().bind(*theirs.services), version, "request_response")
    )
    manifest = manifest_to_json(holdfast.Endpoint(ours.services).manifest(), version)
    assert _without_required(manifest) == _without_required(official)


def _without_required(manifest: dict[str, Any]) -> dict[str, Any]:
    for service in manifest["services"]:
        for handler in service["handlers"]:
            handler["input"].pop("required", None)
    return manifest
