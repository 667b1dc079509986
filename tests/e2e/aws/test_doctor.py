"""The doctor looks at a whole installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from localstack.standin import REGION
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
    aws = {
        "AWS_ENDPOINT_URL": cloud.running.endpoint_url,
        "AWS_ENDPOINT_URL_DYNAMODB": cloud.running.dynamodb_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }
    command = [sys.executable, "-m", "holdfast_cli", "doctor", "--stack", stack, "--json"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env={**os.environ, **aws})
    assert said.returncode in (0, 1), said.stderr
    findings: list[dict[str, Any]] = json.loads(said.stdout)
    return findings
