"""Deployments that nothing needs any more: no service is at home there, and no invocation that goes on."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast_engine.errors import WrongState
from holdfast_engine.records import Status
from holdfast_engine.registry import Deployment, Registry
from holdfast_engine.world import World

_PAGE = 500


async def drained(world: World, deployments: Sequence[Deployment]) -> list[Deployment]:
    """Return those on which no invocation is left that has not ended; reads every invocation there is.

    New ones may still begin on a deployment that is current, or that was a moment ago for somebody who has not looked
    at the registry since: those are not for the caller to name.
    """
    left = {each.id: each for each in deployments}
    after: str | None = None
    while left and (heads := await world.store.unfinished(after=after, limit=_PAGE)):
        for head in heads:
            if head.status is not Status.COMPLETED and head.deployment_id is not None:
                left.pop(head.deployment_id, None)
        after = heads[-1].id
    return list(left.values())


def idle(registry: Registry) -> list[Deployment]:
    """Return the deployments at which no service is at home: no new invocation goes there."""
    homes = {service.deployment.id for service in registry.services()}
    return [each for each in registry.deployments() if each.id not in homes]


async def remove(world: World, deployment: Deployment) -> None:
    """Forget a deployment on which nothing depends any more.

    Raises:
        WrongState: A service is at home there, or an invocation still runs on it.
    """
    if deployment not in idle(world.registry) or not await drained(world, [deployment]):
        raise WrongState(
            f"{deployment.id} is not drained: new invocations go there, or old ones still run on it;"
            " force=true removes it all the same"
        )
    await forget(world, deployment)


async def forget(world: World, deployment: Deployment) -> None:
    """Take a deployment out of the registry, here at once and elsewhere with the next look."""
    await world.store.forget_deployment(deployment.id)
    world.registry.remove(deployment.id)
    await world.store.flushed()
