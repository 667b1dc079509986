"""Handlers behind HTTP, reached from a function: all that takes is imported when the first of them is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from holdfast_engine.endpoints.failures import not_sent
from holdfast_engine.endpoints.identity import BadIdentityKey
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Answer
from holdfast_protocol.codes import RestateCode

if TYPE_CHECKING:
    from holdfast_endpoints.http_discovery import HttpDiscovery
    from holdfast_endpoints.http_invoker import HttpInvoker
    from holdfast_endpoints.http_pool import HttpPool
    from holdfast_engine.endpoints.identity import RequestSigner
    from holdfast_engine.ports import Clock, GrantedCheckpoint
    from holdfast_engine.registry import Deployment, Endpoint
    from holdfast_protocol.attempt import AttemptRequest
    from holdfast_protocol.manifest import Manifest


class HttpEndpoints:
    """Invoker and discovery over one pool of connections, which lives as long as the process.

    Most installations on AWS have functions only, and the HTTP library takes as long to import as the engine does.
    `signer` says who signs requests, and is asked before the first of them.
    """

    def __init__(self, *, clock: Clock, signer: Callable[[], RequestSigner | None]) -> None:
        self._clock = clock
        self._find_signer = signer

    def takes_checkpoints(self, deployment: Deployment) -> bool:  # noqa: ARG002 - it is the same for all of them.
        """Return False: over HTTP, what an attempt did comes back with the response and not before."""
        return False

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Send the attempt."""
        try:
            invoker = self._invoker
        except BadIdentityKey as error:
            return Answer(frames=(), failure=not_sent(_unsigned(error)))
        return await invoker.invoke(deployment, request, checkpoint=checkpoint, timeout_ms=timeout_ms)

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Ask an endpoint what it serves.

        Raises:
            DiscoveryFailed: There is no usable manifest at that address.
        """
        try:
            discovery = self._discovery
        except BadIdentityKey as error:
            raise DiscoveryFailed(_unsigned(error), meta_code=RestateCode.META0003, is_retryable=False) from error
        return await discovery.discover(endpoint)

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        await self._pool.close()

    @cached_property
    def _pool(self) -> HttpPool:
        from holdfast_endpoints.http_pool import HttpPool

        return HttpPool()

    @cached_property
    def _signer(self) -> RequestSigner | None:
        return self._find_signer()

    @cached_property
    def _invoker(self) -> HttpInvoker:
        from holdfast_endpoints.http_invoker import HttpInvoker

        return HttpInvoker(self._pool, clock=self._clock, signer=self._signer)

    @cached_property
    def _discovery(self) -> HttpDiscovery:
        from holdfast_endpoints.http_discovery import HttpDiscovery

        return HttpDiscovery(self._pool, signer=self._signer)


def _unsigned(error: BadIdentityKey) -> str:
    return f"requests cannot be signed, for the identity key's secret is of no use: {error}"
