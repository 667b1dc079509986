"""The custom resource of Restate's CDK constructs registers functions here, by the code that npm brings, unchanged."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast_cli.dev.http_server import HttpServer
from holdfast_cli.dev.sockets import listen, url_of
from holdfast_engine.registry import Deployment
from holdfast_http.admin.app import Admin
from holdfast_http.admin.gate import Gate
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers, deployment, services
from tests.support.npm import NodeMissing, node_modules

pytest.importorskip("datafusion", reason="what goes is asked for by SQL, which needs the extra `sql`")

FOLDER = Path(__file__).parent
TOKEN = "0123456789abcdef-xyz"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:greeter"
ROLE = "arn:aws:iam::123456789012:role/caller"
WITHIN_S = 60


@dataclass(frozen=True)
class Stack:
    """What CloudFormation does with the custom resource, and the engine behind the admin API that it is sent to."""

    e: EngineUnderTest
    admin_url: str

    async def deploy(self, kind: str, version: int, **properties: str) -> str:
        """Send an event for a version of the function; return what was logged, which must not be about a failure."""
        asked = {
            "adminUrl": self.admin_url,
            "serviceLambdaArn": f"{FUNCTION}:{version}",
            "authTokenSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token",
            **properties,
        }
        event = json.dumps({"RequestType": kind, "ResourceProperties": asked})
        environment = {**os.environ, "TOKEN": TOKEN, "NO_PROXY": "127.0.0.1"}
        process = await asyncio.create_subprocess_exec(
            "node",
            str(FOLDER / "register.mjs"),
            event,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), WITHIN_S)
        said = output.decode()
        assert (process.returncode, "failed" in said.lower()) == (0, False), said
        return said

    def serve(self, version: int) -> None:
        """Let a version of the function be one that serves our handlers."""
        self.e.discovery.manifests[f"{FUNCTION}:{version}"] = deployment(services()).manifest

    def registered(self) -> list[Deployment]:
        """Return the deployments that are functions."""
        return [each for each in self.e.registry.deployments() if each.endpoint.transport == "lambda"]

    def versions(self) -> list[str]:
        """Return which versions of the function are registered, oldest first."""
        return [each.endpoint.address.rpartition(":")[2] for each in self.registered()]


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """An engine whose admin API asks for a token; npm brings the handler the first time."""
    try:
        node_modules(FOLDER, "Restate's CDK constructs")
    except NodeMissing as missing:
        pytest.skip(str(missing))
    with listen("127.0.0.1", 0, purpose="admin API", option="--admin-port") as listener:
        async with EngineUnderTest() as e:
            admin = Admin(e.engine, product_version="1", ingress_url="", gate=Gate(TOKEN))
            server = HttpServer(admin, listener)
            await server.start()
            yield Stack(e, url_of(listener))
            await server.stop()
            await admin.close()


async def test_functions_come_and_go(stack: Stack) -> None:
    """It creates a deployment, makes its services private and public, prunes what is drained, and removes the rest."""
    stack.serve(1)
    said = await stack.deploy("Create", 1, servicePath="S", invokeRoleArn=ROLE, private="true")
    assert "Successful registration" in said
    (first,) = stack.registered()
    assert (first.endpoint.address, first.endpoint.assume_role_arn) == (f"{FUNCTION}:1", ROLE)
    assert all(handler.is_private for service in stack.e.registry.services() for handler in service.handlers.values())
    said = await stack.deploy("Update", 1, private="false")
    assert "Successfully marked service as public" in said
    assert stack.versions() == ["1"]
    assert not any(handler.is_private for handler in stack.e.registry.services()[0].handlers.values())

    stack.e.script["S/work"] = answers([f.sleep(1, 2**50), f.suspension(1)])
    stuck = await stack.e.send("S/work")
    await stack.e.rest(0.1)
    for version in (2, 3):
        stack.serve(version)
        said = await stack.deploy("Update", version, pruneDrainedDeployments="true")
    assert "has active invocations; skipping" in said
    # The first deployment of the engine under test was drained from the start.
    assert [each.endpoint.address for each in stack.e.registry.deployments()] == [f"{FUNCTION}:1", f"{FUNCTION}:3"]
    await stack.e.engine.kill(stuck)
    await stack.deploy("Delete", 1, removalPolicy="retain")
    assert stack.versions() == ["1", "3"]
    for version in (1, 3):
        await stack.deploy("Delete", version, removalPolicy="destroy")
    assert stack.versions() == []


async def test_what_cannot_be_registered_fails_the_stack(stack: Stack) -> None:
    """A service that is not there is told with those that are."""
    stack.serve(1)
    with pytest.raises(AssertionError, match=r"got back: \[S, O, W\]"):
        await stack.deploy("Create", 1, servicePath="Nobody")
