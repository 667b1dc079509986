"""What the end-to-end tests deploy: the orchestrator, and a function each with our SDK and the official ones."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_

from examples.everything import services as examples
from holdfast_cdk import HoldfastService
from localstack.stacks import application, bundler, orchestrator, python_service
from localstack.standin import ROOT

HERE = Path(__file__).resolve().parent
FUNCTIONS = HERE / "functions"
NODE = HERE.parent / "node"
WORK = Path("tests", "support", "services", "work.py")

app = application()
# Handed down by the test: the files in which the handlers leave their effects, and how fast a death is to be noticed.
environment: dict[str, str] = json.loads(os.environ.get("HOLDFAST_E2E_HANDLERS", "{}"))
settings: dict[str, str] = json.loads(os.environ.get("HOLDFAST_E2E_SETTINGS", "{}"))
zips = bundler()
main = orchestrator(app, zips, settings=settings)
stack = Stack(app, "Services")

with tempfile.TemporaryDirectory() as name:
    own = Path(name)
    shutil.copytree(FUNCTIONS / "own", own, dirs_exist_ok=True)
    (own / WORK).parent.mkdir(parents=True)
    shutil.copy(ROOT / WORK, own / WORK)
    python_service(
        stack,
        "Own",
        orchestrator=main,
        zips=zips,
        folder=own,
        services=[*(each.name for each in examples), "Work", "Ledger"],
        environment=environment,
    )
python_service(
    stack,
    "Official",
    orchestrator=main,
    zips=zips,
    folder=FUNCTIONS / "official",
    services=(),
    environment={"REVISION": os.environ.get("HOLDFAST_E2E_REVISION", "1")},
)
with tempfile.TemporaryDirectory() as name:
    shutil.copy(FUNCTIONS / "node" / "handler.mjs", name)
    shutil.copytree(NODE / "node_modules", Path(name) / "node_modules")
    node = lambda_.Function(
        stack,
        "Node",
        runtime=lambda_.Runtime.NODEJS_22_X,
        handler="handler.handler",
        code=lambda_.Code.from_asset(name),
        timeout=Duration.seconds(30),
    )
HoldfastService(stack, "NodeService", holdfast=main.holdfast, function=node)
app.synth()
