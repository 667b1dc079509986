"""CloudFormation asks, the registrar registers, and always answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from holdfast_aws.runtime.pruning import Pruning, Versions
from holdfast_aws.runtime.registrar import Registrar
from holdfast_engine.errors import DiscoveryFailed, Unavailable
from holdfast_engine.registry import Endpoint
from holdfast_protocol.manifest import Manifest
from tests.support.engine_world import EngineUnderTest, services
from tests.support.virtual_time import in_virtual_time
from tests.unit.lambdas.surroundings import ProcessUnderTest

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


class Discovered:
    """A discovery that refuses so often, then finds the services of the tests."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.asked: list[Endpoint] = []

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        self.asked.append(endpoint)
        if len(self.asked) <= self.refusals:
            raise DiscoveryFailed("the function may not be called", meta_code="META0003", is_retryable=True)
        manifest = Manifest(
            protocol_mode="request_response", min_protocol_version=5, max_protocol_version=7, services=services()
        )
        return manifest, None


class Kept:
    """Versions that nobody deletes."""

    async def delete(self, version_arn: str) -> None:
        raise AssertionError(version_arn)


@pytest.fixture
def answered() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A URL as CloudFormation gives one, and what was put there."""
    answers: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answers.append({**json.loads(body), "content-type": self.headers.get("content-type")})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer", answers
    server.shutdown()
    thread.join()
    server.server_close()


def event(url: str, *, request: str = "Create", **properties: str) -> dict[str, Any]:
    return {
        "RequestType": request,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Registration",
        "ResourceProperties": {"VersionArn": f"{FUNCTION}:1", "Prune": "true", **properties},
    }


def registrar(
    e: EngineUnderTest, *, refusals: int = 0, versions: Versions | None = None
) -> tuple[Registrar, Discovered]:
    e.world.discovery = discovered = Discovered(refusals)
    process: Any = ProcessUnderTest(e)
    return Registrar(process, pruning=Pruning(e.world, versions or Kept())), discovered


@in_virtual_time
async def test_what_cannot_be_deleted_stops_no_deployment(answered: tuple[str, list[dict[str, Any]]]) -> None:
    """A new version is registered though an old one cannot be deleted, which is tried again with the next."""
    url, answers = answered
    asked: list[str] = []

    class Stuck:
        async def delete(self, version_arn: str) -> None:
            asked.append(version_arn)
            raise Unavailable("the registrar may not delete it")

    async with EngineUnderTest() as e:
        work, _ = registrar(e, versions=Stuck())
        for number in range(1, 5):
            await work.handle(event(url, VersionArn=f"{FUNCTION}:{number}"), None)
        assert [answer["Status"] for answer in answers] == ["SUCCESS"] * 4
        assert asked == [f"{FUNCTION}:1", f"{FUNCTION}:1"]


@in_virtual_time
async def test_a_version_is_registered(answered: tuple[str, list[dict[str, Any]]]) -> None:
    """The version that CloudFormation names is asked for its services, and the answer names the deployment."""
    url, answers = answered
    async with EngineUnderTest() as e:
        work, discovered = registrar(e)
        await work.handle(event(url), None)
        (answer,) = answers
        assert discovered.asked == [Endpoint(transport="lambda", address=f"{FUNCTION}:1")]
        assert answer["Status"] == "SUCCESS"
        assert answer["PhysicalResourceId"] == FUNCTION
        assert e.world.registry.deployment(answer["Data"]["DeploymentId"]) is not None
        # The URL's signature covers no content type.
        assert answer["content-type"] == ""


@in_virtual_time
async def test_the_resource_stays_the_same_from_version_to_version(answered: tuple[str, list[dict[str, Any]]]) -> None:
    """An update keeps the physical id, or CloudFormation would delete the former one."""
    url, answers = answered
    async with EngineUnderTest() as e:
        work, _ = registrar(e)
        await work.handle(event(url), None)
        await work.handle(event(url, request="Update", VersionArn=f"{FUNCTION}:2"), None)
        assert {answer["PhysicalResourceId"] for answer in answers} == {FUNCTION}
        assert len({answer["Data"]["DeploymentId"] for answer in answers}) == 2


@in_virtual_time
async def test_a_permission_that_is_not_known_yet_is_waited_for(answered: tuple[str, list[dict[str, Any]]]) -> None:
    """A function that cannot be called at first is asked again for half a minute."""
    url, answers = answered
    async with EngineUnderTest() as e:
        work, discovered = registrar(e, refusals=4)
        await work.handle(event(url), None)
        assert len(discovered.asked) == 5
        assert answers[0]["Status"] == "SUCCESS"


@in_virtual_time
async def test_what_cannot_be_registered_fails_the_deployment(answered: tuple[str, list[dict[str, Any]]]) -> None:
    """A function that never says what it serves fails the deployment with the reason."""
    url, answers = answered
    async with EngineUnderTest() as e:
        work, _ = registrar(e, refusals=1000)
        await work.handle(event(url), None)
        (answer,) = answers
        assert answer["Status"] == "FAILED"
        assert "the function may not be called" in answer["Reason"]


@in_virtual_time
async def test_a_bug_is_an_answer_too(answered: tuple[str, list[dict[str, Any]]]) -> None:
    """CloudFormation gets an answer whatever happens; without one it waits for an hour."""
    url, answers = answered
    async with EngineUnderTest() as e:
        work, _ = registrar(e)
        e.world.discovery = None  # type: ignore[assignment]
        await work.handle(event(url), None)
        assert answers[0]["Status"] == "FAILED"
        assert "its log says why" in answers[0]["Reason"]
