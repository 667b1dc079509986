"""What the end-to-end tests deploy: the orchestrator, and a function each with our SDK and the official ones."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from examples.everything import services as examples
from holdfast_cdk import Door, HoldfastService, HoldfastStack, ZipBundler
from holdfast_cdk.front_door import FrontDoor
from localstack.stacks import application, bundler, orchestrator, python_service
from localstack.standin import ROOT

HERE = Path(__file__).resolve().parent
FUNCTIONS = HERE / "functions"
NODE = HERE.parent / "node"
SERVICES = Path("tests", "support", "services")
# Of the modules there, what belongs to the function with our SDK.
MODULES = ("work.py", "poison.py")

# Named so by whoever deploys: the services, and the same with another function of the official Python SDK.
STACKS = {"Services": "1", "LaterServices": "2"}
# How soon it is noticed that an ingress died with what it had just taken on.
ENGINE_TIMEOUT = Duration.seconds(40)
HANDLER_TIMEOUT = Duration.seconds(10)
# A message that was handed to a process that died before it had begun comes back so soon. AWS wants as long as the
# dispatcher may run; without a look at that, a message for which a start takes longer is delivered twice.
VISIBILITY_S = 15
# Of ten messages each. A process more is a second more of both processors.
DISPATCHERS = 3

# Handed down by the test: the files in which the handlers leave their effects, and how fast a death is to be noticed.
environment: dict[str, str] = json.loads(os.environ.get("HOLDFAST_E2E_HANDLERS", "{}"))
settings: dict[str, str] = json.loads(os.environ.get("HOLDFAST_E2E_SETTINGS", "{}"))


def main() -> None:
    """Write what there is to deploy."""
    app, zips = application(), bundler()
    holdfast = orchestrator(app, zips, settings=settings, engine_timeout=ENGINE_TIMEOUT, max_dispatchers=DISPATCHERS)
    wakeups = holdfast.holdfast.queues.wakeups.node.default_child
    assert isinstance(wakeups, sqs.CfnQueue)
    wakeups.visibility_timeout = VISIBILITY_S
    door = FrontDoor(holdfast, "Api", function=holdfast.holdfast.ingress.function, door=Door.HTTP_API, is_public=False)
    CfnOutput(holdfast, "ApiUrl", value=door.url)
    with _own() as own, _node() as node:
        for construct_id, revision in STACKS.items():
            stack = Stack(app, construct_id, stack_name="Services")
            _add_python(stack, holdfast, zips, own=own, revision=revision)
            _add_node(stack, holdfast, folder=node)
        app.synth()


def _add_python(stack: Stack, holdfast: HoldfastStack, zips: ZipBundler, *, own: Path, revision: str) -> None:
    python_service(
        stack,
        "Own",
        orchestrator=holdfast,
        zips=zips,
        folder=own,
        services=[*(each.name for each in examples), "Work", "Ledger", "Desk", "Till"],
        environment=environment,
        timeout=HANDLER_TIMEOUT,
    )
    python_service(
        stack,
        "Official",
        orchestrator=holdfast,
        zips=zips,
        folder=FUNCTIONS / "official",
        services=(),
        environment={"REVISION": revision},
        timeout=HANDLER_TIMEOUT,
    )


def _add_node(stack: Stack, holdfast: HoldfastStack, *, folder: Path) -> None:
    node = lambda_.Function(
        stack,
        "Node",
        runtime=lambda_.Runtime.NODEJS_22_X,
        handler="handler.handler",
        code=lambda_.Code.from_asset(str(folder)),
        timeout=HANDLER_TIMEOUT,
    )
    HoldfastService(stack, "NodeService", holdfast=holdfast.holdfast, function=node)


@contextmanager
def _own() -> Iterator[Path]:
    """Return a folder with the function of our SDK."""
    with tempfile.TemporaryDirectory() as name:
        own = Path(name)
        shutil.copytree(FUNCTIONS / "own", own, dirs_exist_ok=True)
        (own / SERVICES).mkdir(parents=True)
        for module in MODULES:
            shutil.copy(ROOT / SERVICES / module, own / SERVICES / module)
        yield own


@contextmanager
def _node() -> Iterator[Path]:
    """Return a folder with the function of the official TypeScript SDK."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(FUNCTIONS / "node" / "handler.mjs", name)
        shutil.copytree(NODE / "node_modules", Path(name) / "node_modules")
        yield Path(name)


if __name__ == "__main__":
    main()
