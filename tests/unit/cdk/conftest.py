"""One synthesised application for all tests of the constructs: the CDK takes seconds to start."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localstack.tools import node_problem

# The CDK talks to Node in a process of its own, which complains about versions on stderr.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20,22")
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")

SERVICES = ("orders", "Counter")
SECRET = "arn:aws:secretsmanager:us-east-1:999999999999:secret:identity-a1B2c3"
ELSEWHERE = "arn:aws:iam::999999999999:role/caller"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The templates of the stacks, what cdk-nag said about all of them, and what options add to zips, by function."""

    templates: dict[str, dict[str, Any]]
    findings: list[dict[str, Any]]
    more: dict[str, tuple[str, ...]]

    def resources(self, kind: str, *, stack: str = "Main") -> dict[str, dict[str, Any]]:
        """Return the resources of a type by logical id."""
        every = self.templates[stack]["Resources"]
        return {name: each for name, each in every.items() if each["Type"] == kind}

    def function(self, name: str, *, stack: str = "Main") -> dict[str, Any]:
        """Return the properties of one of the orchestrator's functions."""
        found = [
            each["Properties"]
            for each in self.resources("AWS::Lambda::Function", stack=stack).values()
            if each["Properties"].get("Description") == f"Holdfast: {name}"
        ]
        assert len(found) == 1, f"{len(found)} functions are the {name}"
        return found[0]


@pytest.fixture(scope="session", autouse=True)
def node() -> None:
    """The CDK is a program for Node with a thin layer of Python over it."""
    if (problem := node_problem()) is not None:
        pytest.skip(f"the CDK {problem}")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """An orchestrator, one with all options, and a service in a stack of its own."""
    from aws_cdk import App, Stack
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager

    from holdfast_cdk import Door, HoldfastOptions, HoldfastService, HoldfastStack
    from holdfast_cdk.nag import check
    from tests.unit.cdk.handlers_only import HandlersOnly

    folder = tmp_path_factory.mktemp("cdk.out")
    app = App(outdir=str(folder))
    check(app)
    main = HoldfastStack(app, "Main", bundler=HandlersOnly())
    services = Stack(app, "Services")
    HoldfastService(services, "Service", holdfast=main.holdfast, function=_orders(services), services=SERVICES)
    keyed = Stack(app, "Keyed")
    bundler = HandlersOnly()
    optional = HoldfastStack(
        app,
        "Options",
        bundler=bundler,
        options=HoldfastOptions(
            ingress_door=Door.HTTP_API,
            tracing=True,
            encryption_key=kms.Key(keyed, "Key", enable_key_rotation=True),
            max_dispatchers=7,
            reserved_concurrency={"dispatcher": 11},
            memory_mb={"ingress": 1769},
            sql=True,
            identity_secret=secretsmanager.Secret.from_secret_complete_arn(keyed, "Identity", SECRET),
            settings={"HOLDFAST_LEASE_S": "60"},
        ),
    )
    optional.holdfast.call_as(iam.Role.from_role_arn(optional, "Elsewhere", ELSEWHERE))
    keyed_services = Stack(app, "KeyedServices")
    HoldfastService(
        keyed_services, "Service", holdfast=optional.holdfast, function=_orders(keyed_services), services=SERVICES
    )
    app.synth()
    report = json.loads((folder / "validation-report.json").read_text())
    templates = {path.name.split(".")[0]: json.loads(path.read_text()) for path in Path(folder).glob("*.template.json")}
    return Cloud(templates=templates, findings=report["pluginReports"], more=bundler.more)


def _orders(stack: Any) -> Any:
    """A user's function."""
    from aws_cdk import Duration
    from aws_cdk import aws_lambda as lambda_

    from holdfast_cdk.nag import accept
    from tests.unit.cdk.handlers_only import HandlersOnly

    function = lambda_.Function(
        stack,
        "Orders",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="handler.handler",
        code=HandlersOnly().code("sends"),
        timeout=Duration.minutes(10),
    )
    accept(function, "AwsSolutions-L1", "A user's function.")
    managed = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    accept(function, f"AwsSolutions-IAM4[Policy::{managed}]", "A user's function.")
    return function
