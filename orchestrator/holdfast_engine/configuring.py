"""Configuring services: what operators change about them without a new deployment."""

from __future__ import annotations

from dataclasses import replace

from holdfast_engine.errors import RequestRejected, UnknownTarget
from holdfast_engine.registration import save
from holdfast_engine.registry import ServiceSpec
from holdfast_engine.world import World
from holdfast_protocol.manifest import Options, ServiceManifest


async def configure(world: World, name: str, change: Options) -> ServiceSpec:
    """Change options of a service until its next revision; what a handler says about itself still goes first.

    Whether clients may call it is the exception: that holds for all handlers at once.

    Raises:
        UnknownTarget: There is no such service.
        RequestRejected: An option makes no sense for its kind.
    """
    service = world.registry.service(name)
    if service is None:
        raise UnknownTarget(f"there is no service {name!r}; GET /services lists those that are registered")
    if change.workflow_completion_retention_ms is not None and service.kind != "workflow":
        raise RequestRejected(f"{name} is no workflow, so there is no retention of its runs to change")
    manifest = service.deployment.manifest
    services = tuple(_changed(each, change) if each.name == name else each for each in manifest.services)
    await save(world, replace(service.deployment, manifest=replace(manifest, services=services)))
    changed = world.registry.service(name)
    assert changed is not None, f"{name} was lost"
    return changed


def _changed(service: ServiceManifest, change: Options) -> ServiceManifest:
    handlers = service.handlers
    if change.ingress_private is not None:
        handlers = tuple(replace(each, options=replace(each.options, ingress_private=None)) for each in handlers)
    return replace(service, options=change.over(service.options), handlers=handlers)
