"""The whole stack on a stand-in for AWS, as one who uses it sees it; and what can befall it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from localstack import processes
from localstack.__main__ import door
from localstack.deploy import deploy, deploy_more, install_cdk
from localstack.standin import REGION, ROOT, Running, StandIn
from localstack.tools import node_problem, npm_installed
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
    folder: Path
    outputs: dict[str, str]
    stage: Stage
    steps_log: Path

    @property
    def site(self) -> Site:
        """Ingress and admin API."""
        return self.stage.site

    def client(self, service: str) -> Any:
        """Return a plain boto3 client."""
        url = self.running.dynamodb_url if service == "dynamodb" else self.running.endpoint_url
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def holdfast(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line, as one who has credentials of this cloud does."""
        aws = {
            "AWS_ENDPOINT_URL": self.running.endpoint_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.running.dynamodb_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }
        command = [sys.executable, "-m", "holdfast_cli", *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=os.environ | aws)

    def timers(self, invocation_id: str) -> list[dict[str, Any]]:
        """Return the rows that wait to wake an invocation."""
        rows = self.client("dynamodb").scan(TableName=self.outputs["TimersTable"])["Items"]
        return [row for row in rows if invocation_id in row["s"]["S"]]

    def redeploy(self) -> None:
        """Deploy the services again, with another function of the official Python SDK."""
        stacks = ("LaterServices", "--exclusively")
        deploy_more(stacks, endpoint_url=self.running.endpoint_url, folder=self.folder)

    def kill_workers(self) -> int:
        """Kill -9 every process in which a function lives; return how many there were."""
        pids = list(_children(self.running.emulator_pid))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)


def _children(parent: int) -> Iterator[int]:
    for told in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = told.read_text().partition(" (")
        except OSError:
            continue  # It has just ended.
        # The name in the brackets may hold brackets and blanks of its own.
        state, its_parent = rest.rpartition(") ")[2].split()[:2]
        if int(its_parent) == parent and state != "Z":
            yield int(number)


@contextmanager
def deployed(folder: Path) -> Iterator[Cloud]:
    """Deploy the stack with its handler functions, and remove it."""
    effects, steps = folder / "effects.log", folder / "steps.log"
    _install()
    stand_in = StandIn(folder)
    with ExitStack() as stack:
        running = stand_in.start(port=processes.free_port())
        stack.callback(stand_in.stop)
        outputs = _deployed(running, folder, effects, steps)
        ingress_url = stack.enter_context(signing_door(door(running, outputs["IngressUrl"])))
        admin_url = stack.enter_context(signing_door(door(running, outputs["AdminUrl"])))
        site = stack.enter_context(Site(ingress_url, admin_url))
        stage = Stage(site=site, ingress_url=ingress_url, effects_log=effects)
        yield Cloud(running=running, folder=folder, outputs=outputs, stage=stage, steps_log=steps)


def _deployed(running: Running, folder: Path, effects: Path, steps: Path) -> dict[str, str]:
    handlers = {"HOLDFAST_EXAMPLES_LOG": str(effects), "HOLDFAST_TEST_LOG": str(steps)}
    env = {"HOLDFAST_E2E_HANDLERS": json.dumps(handlers), "HOLDFAST_E2E_SETTINGS": json.dumps(SETTINGS)}
    stacks = ("Holdfast", "Services")
    return deploy(app="tests.e2e.aws.app", endpoint_url=running.endpoint_url, folder=folder, env=env, stacks=stacks)


def _install() -> None:
    if (problem := node_problem()) is not None:
        pytest.skip(f"the deployment to a stand-in for AWS, with CDK, dynoxide and Restate's SDK from npm, {problem}")
    install_cdk()
    npm_installed(_NODE, "Restate's TypeScript SDK")
