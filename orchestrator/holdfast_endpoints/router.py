"""One invoker and one discovery for all endpoints: each call goes to the one of the endpoint's transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import (
    Answer,
    AttemptFailure,
    Converted,
    Converting,
    Discovery,
    GrantedCheckpoint,
    Invoker,
)
from holdfast_engine.registry import Deployment, Endpoint
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.codes import FailureCode, RestateCode
from holdfast_protocol.manifest import Manifest


class RoutingInvoker:
    """Hands each attempt to the invoker of its deployment's transport."""

    def __init__(self, invokers: Mapping[str, Invoker]) -> None:
        self._invokers = invokers

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        """Return what the invoker of the deployment's transport says; False where there is none."""
        invoker = self._invokers.get(deployment.endpoint.transport)
        return invoker is not None and invoker.takes_checkpoints(deployment)

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Pass the attempt on; a transport this server does not have is a failure that names it."""
        invoker = self._invokers.get(deployment.endpoint.transport)
        if invoker is None:
            failure = AttemptFailure(
                code=FailureCode.INTERNAL,
                message=_unknown(deployment.endpoint),
                rt_code=RestateCode.RT0010,
                is_counted=False,
            )
            return Answer(frames=(), failure=failure)
        return await invoker.invoke(deployment, request, checkpoint=checkpoint, timeout_ms=timeout_ms)


class RoutingDiscovery:
    """Hands each question to the discovery of the endpoint's transport."""

    def __init__(self, discoveries: Mapping[str, Discovery]) -> None:
        self._discoveries = discoveries

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Pass the question on.

        Raises:
            DiscoveryFailed: The endpoint could not be asked, or gave no usable manifest.
        """
        discovery = self._discoveries.get(endpoint.transport)
        if discovery is None:
            raise DiscoveryFailed(_unknown(endpoint), meta_code=RestateCode.META0003, is_retryable=False)
        return await discovery.discover(endpoint)

    async def convert(self, endpoint: Endpoint, path: Sequence[str], content: bytes) -> Converted:
        """Pass the value on; who cannot convert has no such thing, as an endpoint would say.

        Raises:
            DiscoveryFailed: The endpoint did not answer.
        """
        discovery = self._discoveries.get(endpoint.transport)
        if isinstance(discovery, Converting):
            return await discovery.convert(endpoint, path, content)
        return Converted(status=404, media_type="", body=b"")


def _unknown(endpoint: Endpoint) -> str:
    return f"this server reaches no {endpoint.transport} endpoints, and {endpoint.address!r} is one"
