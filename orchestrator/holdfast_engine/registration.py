"""Registering deployments: ask the endpoint what it serves, compare with what is known, store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from holdfast_engine.errors import RegistrationRejected
from holdfast_engine.ids import random_deployment_id
from holdfast_engine.registry import PROTOCOL_CAP, Deployment, Endpoint, protocol_cap
from holdfast_engine.world import World
from holdfast_protocol.manifest import Manifest
from holdfast_protocol.versions import PROTOCOL_VERSION_MIN, choose_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What came of registering: the deployment as it is known now, and whether that is new."""

    deployment: Deployment
    is_new: bool


async def register(
    world: World,
    endpoint: Endpoint,
    *,
    force: bool,
    breaking: bool,
    dry_run: bool,
    metadata: tuple[tuple[str, str], ...],
) -> Registration:
    """Register what an endpoint serves; the same endpoint again changes nothing unless forced.

    Raises:
        DiscoveryFailed: The endpoint did not say what it serves.
        RegistrationRejected: It may not be registered as asked.
    """
    known = _at(world, endpoint)
    if known is not None and not force:
        return Registration(deployment=known, is_new=False)
    manifest, sdk_version = await world.discovery.discover(endpoint)
    _check_versions(manifest, metadata)
    if not (force or breaking):
        _check_kinds(world, manifest)
    deployment = Deployment(
        id=known.id if known is not None else random_deployment_id(world.clock, world.dice),
        endpoint=endpoint,
        manifest=manifest,
        revisions=_revisions(world, manifest, known),
        created_ms=known.created_ms if known is not None else world.clock.now_ms(),
        sdk_version=sdk_version,
        metadata=metadata,
        code=_code(manifest, sdk_version),
    )
    if not dry_run:
        await save(world, deployment)
    return Registration(deployment=deployment, is_new=known is None)


async def refresh(world: World, endpoint: Endpoint) -> Registration:
    """Register what an endpoint serves now that this server starts; where it is the same code, nothing changes.

    What operators have changed about its services lasts until there is a new revision, and a restart brings none.

    Raises:
        DiscoveryFailed: The endpoint did not say what it serves.
        RegistrationRejected: It may not be registered.
    """
    known = _at(world, endpoint)
    if known is not None and _is_latest(world, known):
        manifest, sdk_version = await world.discovery.discover(endpoint)
        if known.code == _code(manifest, sdk_version):
            return Registration(deployment=known, is_new=False)
    return await register(world, endpoint, force=True, breaking=False, dry_run=False, metadata=())


async def modify(world: World, known: Deployment, endpoint: Endpoint, *, overwrite: bool, dry_run: bool) -> Deployment:
    """Change a deployment's address and headers in place; with `overwrite` it becomes what is served there now.

    Its services keep their revisions: to mend an old deployment must not move new invocations to it.

    Raises:
        DiscoveryFailed: The endpoint did not say what it serves.
        RegistrationRejected: Another deployment is there, or it does not serve what the deployment is known for.
    """
    other = _at(world, endpoint)
    if other is not None and other.id != known.id:
        raise RegistrationRejected(f"{endpoint.address} is registered already, as {other.id}", http_status=409)
    manifest, sdk_version = await world.discovery.discover(endpoint)
    _check_versions(manifest, known.metadata)
    if overwrite:
        revisions = tuple(
            (name, known.revision_of(name) or revision) for name, revision in _revisions(world, manifest, known)
        )
        changed = replace(
            known,
            endpoint=endpoint,
            manifest=manifest,
            revisions=revisions,
            sdk_version=sdk_version,
            code=_code(manifest, sdk_version),
        )
    else:
        _check_serves(manifest, known)
        changed = replace(known, endpoint=endpoint)
    if not dry_run:
        await save(world, changed)
    return changed


def _at(world: World, endpoint: Endpoint) -> Deployment | None:
    return next((each for each in world.registry.deployments() if each.endpoint.address == endpoint.address), None)


def _is_latest(world: World, deployment: Deployment) -> bool:
    """Return whether new invocations of all its services go to a deployment."""
    latest = [world.registry.latest(name) for name, _ in deployment.revisions]
    return all(each is not None and each[0].id == deployment.id for each in latest)


def _code(manifest: Manifest, sdk_version: str | None) -> str:
    return sha256(repr((manifest, sdk_version)).encode()).hexdigest()


async def save(world: World, deployment: Deployment) -> None:
    """Make a deployment known, here at once and elsewhere with the next look."""
    await world.store.save_deployment(deployment)
    world.registry.put(deployment)
    await world.store.flushed()


def _check_serves(manifest: Manifest, known: Deployment) -> None:
    """Refuse an endpoint that lacks what invocations pinned to the deployment may need of it."""
    served = {
        (service.name, service.kind, handler.name) for service in manifest.services for handler in service.handlers
    }
    for service in known.manifest.services:
        for handler in service.handlers:
            if (service.name, service.kind, handler.name) not in served:
                raise RegistrationRejected(
                    f"deployment {known.id} serves {service.name}/{handler.name}, and the endpoint does not:"
                    " modify with overwrite=true if that is meant",
                    http_status=409,
                )


def _check_versions(manifest: Manifest, metadata: tuple[tuple[str, str], ...]) -> None:
    try:
        cap = protocol_cap(metadata)
    except ValueError as error:
        raise RegistrationRejected(f"the metadata '{PROTOCOL_CAP}' cannot be obeyed: {error}") from error
    if choose_version(manifest.min_protocol_version, manifest.max_protocol_version, cap) is None:
        raise RegistrationRejected(
            f"the endpoint speaks protocol versions {manifest.min_protocol_version} to"
            f" {manifest.max_protocol_version}, Holdfast {PROTOCOL_VERSION_MIN} to {cap}: use another SDK",
            meta_code="META0012",
        )


def _check_kinds(world: World, manifest: Manifest) -> None:
    for service in manifest.services:
        current = world.registry.service(service.name)
        if current is not None and current.kind != service.kind:
            raise RegistrationRejected(
                f"service {service.name} would change its kind from {current.kind} to {service.kind}:"
                " register with breaking=true if that is meant",
                meta_code="META0006",
                http_status=409,
            )


def _revisions(world: World, manifest: Manifest, known: Deployment | None) -> tuple[tuple[str, int], ...]:
    """Give each service its next revision, which makes it the latest; one that is that already, unchanged, keeps it."""
    revisions: list[tuple[str, int]] = []
    for service in manifest.services:
        current = world.registry.service(service.name)
        if current is None:
            revisions.append((service.name, 1))
            continue
        is_latest = known is not None and current.deployment.id == known.id
        is_unchanged = is_latest and current.manifest == service
        revisions.append((service.name, current.revision + (0 if is_unchanged else 1)))
    return tuple(revisions)
