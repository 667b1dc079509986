"""Clearing away versions of a handler function on which nothing runs any more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from holdfast_engine.pruning import drained, forget

if TYPE_CHECKING:
    from holdfast_engine.registry import Deployment
    from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast.aws")

# In one go; the rest is for the next time.
PRUNED_MAX = 10


class Versions(Protocol):
    """The published versions of functions."""

    async def delete(self, version_arn: str) -> None:
        """Delete a version; one that is gone is no matter."""
        ...


class Pruning:
    """Removes deployments, and the versions they stand for."""

    def __init__(self, world: World, versions: Versions) -> None:
        self._world = world
        self._versions = versions

    async def prune(self, function_arn: str, *, keep: int) -> None:
        """Remove the drained versions of a function, except the newest ones.

        The newest but one must be kept while the function is: for as long as a look at the registry is trusted, others
        still begin invocations on it. One to which a service has not moved on stays, too.
        """
        registry = self._world.registry
        own = [each for each in registry.deployments() if _function_of(each) == function_arn]
        old = sorted(own, key=lambda each: each.created_ms)[: len(own) - keep] if keep else own
        homes = {service.deployment.id for service in registry.services()}
        candidates = [each for each in old if not keep or each.id not in homes][:PRUNED_MAX]
        if not candidates:
            return
        for deployment in await drained(self._world, candidates):
            _LOG.info("nothing runs on %s any more: it is removed", deployment.endpoint.address)
            # The version first: one that is forgotten and still there would never be looked at again.
            await self._versions.delete(deployment.endpoint.address)
            await forget(self._world, deployment)


def _function_of(deployment: Deployment) -> str | None:
    endpoint = deployment.endpoint
    return endpoint.address.rpartition(":")[0] if endpoint.transport == "lambda" else None
