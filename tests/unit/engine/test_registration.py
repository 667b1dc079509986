"""Registering deployments: asked once, numbered, kept, and refused when it would break somebody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast_engine.errors import DiscoveryFailed, RegistrationRejected
from holdfast_engine.registration import Registration
from holdfast_engine.registry import Endpoint
from holdfast_protocol.manifest import Manifest
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers, deployment, services
from tests.support.virtual_time import in_virtual_time

MANIFEST = deployment(services()).manifest
SERVICE, OBJECT, WORKFLOW = services()


def manifest(*parts: Any, versions: tuple[int, int] = (5, 7)) -> Manifest:
    return replace(MANIFEST, services=parts, min_protocol_version=versions[0], max_protocol_version=versions[1])


async def register(e: EngineUnderTest, address: str, **options: Any) -> Registration:
    arguments: dict[str, Any] = {"force": False, "breaking": False, "dry_run": False, "metadata": ()}
    endpoint = Endpoint(transport="http", address=address)
    return await e.engine.register(endpoint, **{**arguments, **options})


def empty() -> EngineUnderTest:
    """Return an engine that knows only a deployment that is in nobody's way."""
    return EngineUnderTest(deployments=[deployment([replace(SERVICE, name="Other")])])


@in_virtual_time
async def test_a_new_deployment_is_known_and_kept() -> None:
    """What an endpoint says it serves can be called, also by the next process."""
    async with empty() as e:
        e.discovery.manifests["a"] = manifest(SERVICE, OBJECT)
        registered = await register(e, "a", metadata=(("k", "v"),))
        assert registered.is_new
        kept = registered.deployment
        assert kept.revisions == (("S", 1), ("O", 1))
        assert (kept.sdk_version, kept.metadata, kept.created_ms) == ("sdk/1", (("k", "v"),), e.clock.now_ms())
        e.script["S/work"] = answers([f.output(), f.END])
        await e.call("S/work")
        next_one = e.restarted(deployments=[deployment([replace(SERVICE, name="Other")])])
        await next_one.engine.load_registry()
        assert kept in next_one.registry.deployments()
        assert next_one.registry.service("S") is not None


@in_virtual_time
async def test_the_same_endpoint_again_is_not_asked() -> None:
    """Without force a known endpoint is answered as it is known, whatever it would say by now."""
    async with empty() as e:
        e.discovery.manifests["a"] = manifest(SERVICE)
        first = await register(e, "a")
        e.discovery.manifests["a"] = manifest(SERVICE, OBJECT)
        again = await register(e, "a")
        assert not again.is_new
        assert again.deployment == first.deployment
        assert e.discovery.asked == ["a"]


@in_virtual_time
async def test_force_replaces_a_deployment_in_place() -> None:
    """With force the endpoint is asked again; the deployment keeps its id and its age, what is gone is gone."""
    async with empty() as e:
        e.discovery.manifests["a"] = manifest(SERVICE, OBJECT)
        first = await register(e, "a")
        await e.rest(1)
        e.discovery.manifests["a"] = manifest(SERVICE, WORKFLOW)
        again = await register(e, "a", force=True)
        assert not again.is_new
        assert again.deployment.id == first.deployment.id
        assert again.deployment.created_ms == first.deployment.created_ms
        assert e.registry.service("O") is None
        assert e.registry.service("W") is not None
        assert dict(again.deployment.revisions)["S"] == 1


@in_virtual_time
async def test_a_service_gets_a_revision_per_deployment() -> None:
    """The next deployment of a service brings its next revision, and new invocations go there."""
    async with empty() as e:
        for number, address in enumerate(("a", "b", "c"), 1):
            e.discovery.manifests[address] = manifest(SERVICE)
            registered = await register(e, address)
            assert registered.deployment.revisions == (("S", number),)
        e.script["S/work"] = answers([f.output(), f.END])
        await e.call("S/work")
        assert e.script.attempts[-1].deployment.endpoint.address == "c"


@in_virtual_time
async def test_a_dry_run_keeps_nothing() -> None:
    """What would be registered is shown, and neither known nor stored."""
    async with empty() as e:
        e.discovery.manifests["a"] = manifest(SERVICE)
        registered = await register(e, "a", dry_run=True)
        assert registered.is_new
        assert registered.deployment.revisions == (("S", 1),)
        assert e.registry.service("S") is None
        assert await e.inner.deployments() == []


@in_virtual_time
async def test_a_service_does_not_change_its_kind_unasked() -> None:
    """Whoever would break a service's callers must say that he means it."""
    async with empty() as e:
        e.discovery.manifests["a"] = manifest(SERVICE)
        await register(e, "a")
        e.discovery.manifests["b"] = manifest(replace(OBJECT, name="S"))
        with pytest.raises(RegistrationRejected, match="S would change its kind from service to object") as refused:
            await register(e, "b")
        assert (refused.value.meta_code, refused.value.http_status) == ("META0006", 409)
        for option in ("breaking", "force"):
            assert (await register(e, "b", **{option: True})).deployment.revisions == (("S", 2),)


@pytest.mark.parametrize("versions", [(1, 4), (8, 9)])
def test_an_sdk_without_a_common_version_is_refused(versions: tuple[int, int]) -> None:
    """Too old or too new: the sentence names both ranges."""

    @in_virtual_time
    async def play() -> None:
        async with empty() as e:
            e.discovery.manifests["a"] = manifest(SERVICE, versions=versions)
            with pytest.raises(RegistrationRejected, match=f"{versions[0]} to {versions[1]}, Holdfast 5 to 7"):
                await register(e, "a")
            assert e.registry.service("S") is None

    play()


@in_virtual_time
async def test_an_endpoint_that_does_not_answer_is_not_registered() -> None:
    """The failure of the discovery is the caller's to see."""
    async with empty() as e:
        with pytest.raises(DiscoveryFailed, match="does not answer"):
            await register(e, "nowhere")
        assert await e.inner.deployments() == []
