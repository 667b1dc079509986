"""Handlers behind HTTP, reached from a function: all that takes is imported when the first of them is."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast_endpoints.http_discovery import HttpDiscovery
    from holdfast_endpoints.http_invoker import HttpInvoker
    from holdfast_endpoints.http_pool import HttpPool
    from holdfast_engine.ports import Answer, Clock, GrantedCheckpoint
    from holdfast_engine.registry import Deployment, Endpoint
    from holdfast_protocol.attempt import AttemptRequest
    from holdfast_protocol.manifest import Manifest


class HttpEndpoints:
    """Invoker and discovery over one pool of connections, which lives as long as the process.

    Most installations on AWS have functions only, and the HTTP library takes as long to import as the engine does.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        """Return what the invoker says."""
        return self._invoker.takes_checkpoints(deployment)

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Send the attempt."""
        return await self._invoker.invoke(deployment, request, checkpoint=checkpoint, timeout_ms=timeout_ms)

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Ask an endpoint what it serves.

        Raises:
            DiscoveryFailed: There is no usable manifest at that address.
        """
        return await self._discovery.discover(endpoint)

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        await self._pool.close()

    @cached_property
    def _pool(self) -> HttpPool:
        from holdfast_endpoints.http_pool import HttpPool

        return HttpPool()

    @cached_property
    def _invoker(self) -> HttpInvoker:
        from holdfast_endpoints.http_invoker import HttpInvoker

        return HttpInvoker(self._pool, clock=self._clock)

    @cached_property
    def _discovery(self) -> HttpDiscovery:
        from holdfast_endpoints.http_discovery import HttpDiscovery

        return HttpDiscovery(self._pool)
