"""Routing by transport."""

from __future__ import annotations

from typing import cast

import pytest

from holdfast_endpoints.router import RoutingDiscovery, RoutingInvoker
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Answer, GrantedCheckpoint
from holdfast_engine.registry import Deployment, Endpoint
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.manifest import Manifest
from tests.support.attempts import attempt, deployment, manifest

CHECKPOINT = cast(GrantedCheckpoint, object())


class FakeInvoker:
    """Remembers what it was given."""

    def __init__(self, *, takes_checkpoints: bool) -> None:
        self._takes_checkpoints = takes_checkpoints
        self.given: list[GrantedCheckpoint | None] = []

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        return self._takes_checkpoints

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        self.given.append(checkpoint)
        return Answer(frames=[])


class FakeDiscovery:
    """Answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        return manifest(), self.name


IN_PROCESS = Endpoint(transport="in-process", address="shop")
HTTP = Endpoint(transport="http", address="http://h")
LAMBDA = Endpoint(transport="lambda", address="arn:aws:lambda:eu-west-1:1:function:f:1")


async def test_each_attempt_goes_to_its_transport() -> None:
    """An attempt reaches the invoker of its transport, with its checkpoint."""
    local, remote = FakeInvoker(takes_checkpoints=True), FakeInvoker(takes_checkpoints=False)
    router = RoutingInvoker({"in-process": local, "http": remote})
    await router.invoke(deployment(IN_PROCESS), attempt(), checkpoint=CHECKPOINT, timeout_ms=100)
    await router.invoke(deployment(HTTP), attempt(), checkpoint=None, timeout_ms=100)
    assert (local.given, remote.given) == ([CHECKPOINT], [None])


def test_checkpoints_are_a_matter_of_the_transport() -> None:
    """Whether a deployment takes checkpoints is up to its invoker; one that nobody reaches takes none."""
    local, remote = FakeInvoker(takes_checkpoints=True), FakeInvoker(takes_checkpoints=False)
    router = RoutingInvoker({"in-process": local, "http": remote})
    assert router.takes_checkpoints(deployment(IN_PROCESS))
    assert not router.takes_checkpoints(deployment(HTTP))
    assert not router.takes_checkpoints(deployment(LAMBDA))


async def test_a_transport_this_server_lacks_is_named() -> None:
    """An endpoint of a transport that is not there gives an uncounted failure, and discovery refuses it."""
    answer = await RoutingInvoker({}).invoke(deployment(LAMBDA), attempt(), checkpoint=None, timeout_ms=100)
    assert answer.failure is not None
    assert not answer.failure.is_counted
    assert "reaches no lambda endpoints" in answer.failure.message
    with pytest.raises(DiscoveryFailed, match="reaches no lambda endpoints"):
        await RoutingDiscovery({}).discover(LAMBDA)


async def test_each_question_goes_to_its_transport() -> None:
    """Discovery reaches the one of the endpoint's transport."""
    router = RoutingDiscovery({"in-process": FakeDiscovery("local"), "http": FakeDiscovery("remote")})
    assert (await router.discover(IN_PROCESS))[1] == "local"
    assert (await router.discover(HTTP))[1] == "remote"
