"""The whole stack on a stand-in for AWS, as one who uses it sees it; and what can befall it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from localstack import processes
from localstack.__main__ import door
from localstack.deploy import deploy, install_cdk
from localstack.standin import REGION, ROOT, Running, StandIn
from tests.e2e.aws.door import signing_door
from tests.e2e.cases import Stage
from tests.support.site import Site

_NODE = ROOT / "tests" / "e2e" / "node"

# A killed process is to be noticed within a test's patience.
SETTINGS = {"HOLDFAST_VISIBILITY_S": "6", "HOLDFAST_LEASE_S": "5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A deployed stack; `steps_log` is where the handlers of the kill tests tell what they do."""

    running: Running
    outputs: dict[str, str]
    stage: Stage
    steps_log: Path

    @property
    def site(self) -> Site:
        """Ingress and admin API."""
        return self.stage.site

    def client(self, service: str) -> Any:
        """Return a plain boto3 client."""
        return boto3.client(
            service,
            endpoint_url=self.running.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def kill_workers(self) -> int:
        """Kill -9 every process in which a function lives; return how many there were."""
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.running.emulator_pid)], check=False, capture_output=True, text=True
        )
        pids = [int(word) for word in listed.stdout.split()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)


@contextmanager
def deployed(folder: Path) -> Iterator[Cloud]:
    """Deploy the stack with its handler functions, and remove it."""
    effects, steps = folder / "effects.log", folder / "steps.log"
    handlers = {"HOLDFAST_EXAMPLES_LOG": str(effects), "HOLDFAST_TEST_LOG": str(steps)}
    env = {"HOLDFAST_E2E_HANDLERS": json.dumps(handlers), "HOLDFAST_E2E_SETTINGS": json.dumps(SETTINGS)}
    _install()
    stand_in = StandIn(folder)
    with ExitStack() as stack:
        running = stand_in.start(port=processes.free_port())
        stack.callback(stand_in.stop)
        outputs = deploy(app="tests.e2e.aws.app", endpoint_url=running.endpoint_url, folder=folder, env=env)
        ingress_url = stack.enter_context(signing_door(door(running, outputs["IngressUrl"])))
        admin_url = stack.enter_context(signing_door(door(running, outputs["AdminUrl"])))
        site = stack.enter_context(Site(ingress_url, admin_url))
        stage = Stage(site=site, ingress_url=ingress_url, effects_log=effects)
        yield Cloud(running=running, outputs=outputs, stage=stage, steps_log=steps)


def _install() -> None:
    if (npm := shutil.which("npm")) is None:
        pytest.skip(
            "needs Node 20 or newer: its npm brings the CDK's command, dynoxide and the official TypeScript SDK"
        )
    install_cdk()
    if not (_NODE / "node_modules" / "@restatedev").is_dir():
        subprocess.run([npm, "ci", "--silent"], cwd=_NODE, check=True, timeout=300)
