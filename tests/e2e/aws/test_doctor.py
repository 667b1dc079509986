"""The doctor looks at a whole installation."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.aws.cloud import Cloud

# The stand-in keeps a recursion guard of its own, and its function URLs have names that nobody can resolve.
_ELSEWHERE = {"recursion", "admin API"}


def test_an_installation_is_looked_at(cloud: Cloud) -> None:
    """What AWS says of a deployed stack is understood: each thing is found, and found well."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in _doctor(cloud, stack="Holdfast"):
        found.setdefault(each["check"], []).append(each)
    well = {name for name, each in found.items() if all(finding["verdict"] == "ok" for finding in each)}
    assert well >= {"stack", "functions", "consumers", "tables", "bucket", "parked messages", "queues"}, found
    bad = {name for name, each in found.items() if any(finding["verdict"] == "failure" for finding in each)}
    assert bad <= _ELSEWHERE, found


def _doctor(cloud: Cloud, *, stack: str) -> list[dict[str, Any]]:
    said = cloud.holdfast("doctor", "--stack", stack, "--json")
    assert said.returncode in (0, 1), said.stderr
    findings: list[dict[str, Any]] = json.loads(said.stdout)
    return findings
