"""Pausing and resuming: an operator stops an invocation where it is, and lets it go on, here or on other code."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from holdfast_engine.errors import DeploymentUnfit, NotStarted, RequestRejected, WrongState
from holdfast_engine.existing import existing
from holdfast_engine.keys import held_key
from holdfast_engine.load import is_pinned
from holdfast_engine.records import Head, Status
from holdfast_engine.registry import Deployment
from holdfast_engine.world import World

# Each round lost means that the invocation moved on by itself meanwhile.
_ROUNDS_MAX = 100

# How long an attempt in this process is waited for before it is fenced: enough for a step that is nearly done, and for
# whoever has asked. A stock server waits until the attempt comes to rest by itself, and has not paused it until then.
GRACE_S = 3.0

# Queued stands for one that holds its key: its creator runs it without a write that would say so.
_GOES_ON_BY_ITSELF = frozenset({Status.QUEUED, Status.READY, Status.RUNNING})


class PauseOutcome(StrEnum):
    """What came of a request to pause."""

    DONE = "done"
    ALREADY_PAUSED = "already-paused"


class OnDeployment(StrEnum):
    """Where a resumed or restarted invocation runs, if it is not on a deployment that is named."""

    KEEP = "keep"
    LATEST = "latest"


async def pause(world: World, invocation_id: str, *, grace_s: float) -> PauseOutcome:
    """Stop an invocation until somebody resumes it.

    A step that is under way in this process may end, if it does so soon, and is stored; no other begins. Any other
    attempt is fenced, and what it had not stored is lost: a step of it is executed again after the resume.

    Args:
        world: The world.
        invocation_id: Which one.
        grace_s: How long a step may still take.

    Raises:
        UnknownInvocation: There is none of that id.
        WrongState: It has not started, or it has ended.
    """
    has_waited = False
    for _ in range(_ROUNDS_MAX):
        head = await existing(world, invocation_id)
        if head.status is Status.PAUSED:
            return PauseOutcome.DONE if has_waited else PauseOutcome.ALREADY_PAUSED
        _check_unended(head, "paused")
        if not await has_started(world, head):
            raise WrongState(f"{head.id} has not started and cannot be paused; cancel it instead")
        if not has_waited and await _waited_for_attempt(world, head, grace_s):
            has_waited = True
            continue
        if await world.store.pause(head.id, now_ms=world.clock.now_ms()) is not None:
            return PauseOutcome.DONE
    raise WrongState(f"{invocation_id} changes too quickly to be paused; try again")


async def _waited_for_attempt(world: World, head: Head, grace_s: float) -> bool:
    """Let what runs here come to rest, and wait for that, but not for long; False when nothing runs here.

    Nothing hangs on this. The runner may pause it, suspend it or end it meanwhile, or go on after all: the caller looks
    again, and pauses by its own write whatever is not paused then. A resume or a cancel that comes while this waits
    counts as one that came before the pause, whose write is later.
    """
    held = world.live.get(head.id)
    if held is None or held.head.epoch != head.epoch:
        return False
    held.pausing = held.pausing or asyncio.Event()
    try:
        async with asyncio.timeout(grace_s):
            await held.pausing.wait()
    except TimeoutError:
        pass
    return True


async def resume(world: World, invocation_id: str, *, deployment: str) -> None:
    """Let an invocation go on, with its retries anew; one that is suspended or backing off is tried now.

    Args:
        world: The world.
        invocation_id: Which one.
        deployment: "keep", "latest", or the id of the deployment that it is to go on with.

    Raises:
        UnknownInvocation: There is none of that id.
        WrongState: It has not started, or it has ended.
        RequestRejected: There is no such deployment.
        DeploymentUnfit: It cannot go on with that deployment.
    """
    for _ in range(_ROUNDS_MAX):
        head = await existing(world, invocation_id)
        _check_unended(head, "resumed")
        if not await has_started(world, head):
            raise NotStarted(f"{head.id} has not started and cannot be resumed")
        other = await _deployment_id(world, head, deployment)
        if head.status in _GOES_ON_BY_ITSELF:
            return
        await world.wakeups.watchdog(head.id)
        resumed = await world.store.resume(head.id, now_ms=world.clock.now_ms(), deployment_id=other)
        if resumed is not None:
            await world.wakeups.wake(head.id, not_before_ms=None)
            return
    raise WrongState(f"{invocation_id} changes too quickly to be resumed; try again")


def fitting(world: World, head: Head, deployment_id: str, *, version: int | None) -> Deployment:
    """Return a deployment that an invocation can run on.

    Args:
        world: The world.
        head: The invocation.
        deployment_id: The deployment's id.
        version: The protocol version of its journal; None when its journal is not one yet.

    Raises:
        RequestRejected: There is no such deployment.
        DeploymentUnfit: It has no such handler, or it does not speak the version.
    """
    found = world.registry.deployment(deployment_id)
    if found is None:
        raise RequestRejected(f"there is no deployment {deployment_id!r}; GET /deployments lists those there are")
    manifest = found.manifest
    services = [service for service in manifest.services if service.name == head.target.service]
    if not any(handler.name == head.target.handler for service in services for handler in service.handlers):
        raise DeploymentUnfit(f"deployment {deployment_id} has no handler {head.target.service}/{head.target.handler}")
    if version is not None and not manifest.min_protocol_version <= version <= manifest.max_protocol_version:
        raise DeploymentUnfit(
            f"the journal of {head.id} is written in protocol version {version}, and deployment {deployment_id} speaks"
            f" {manifest.min_protocol_version} to {manifest.max_protocol_version}"
        )
    return found


async def _deployment_id(world: World, head: Head, deployment: str) -> str | None:
    """Return the deployment that it changes to; None when it stays, or when nothing holds it to one."""
    if deployment == OnDeployment.KEEP:
        return None
    has_choice = await is_pinned(world, head)
    if deployment == OnDeployment.LATEST:
        latest = world.registry.latest(head.target.service)
        if latest is None or not has_choice:
            return None
        deployment = latest[0].id
    elif not has_choice:
        raise WrongState(
            f"{head.id} has not done anything yet, so no deployment is pinned that could be changed:"
            " it starts on the latest one"
        )
    return fitting(world, head, deployment, version=head.protocol_version).id


async def has_started(world: World, head: Head) -> bool:
    """Return whether an invocation that has not ended is past waiting for its time and its key."""
    if head.status is Status.QUEUED:
        # Its creator may run it already: who gets the key at once is spared a write that would say so.
        return await held_key(world, head) is not None
    return head.status is not Status.SCHEDULED


def _check_unended(head: Head, participle: str) -> None:
    if head.status is Status.COMPLETED:
        raise WrongState(f"{head.id} has ended and cannot be {participle}")
