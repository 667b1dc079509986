"""Functions on AWS Lambda as endpoints of `holdfast dev`: called with the credentials that this machine has."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from holdfast_engine.endpoints import failures
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Answer, Clock, Converted, GrantedCheckpoint
from holdfast_protocol.codes import RestateCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast_aws.lambda_discovery import LambdaDiscovery
    from holdfast_aws.lambda_functions import Functions
    from holdfast_aws.lambda_invoker import LambdaInvoker
    from holdfast_engine.endpoints.identity import RequestSigner
    from holdfast_engine.registry import Deployment, Endpoint
    from holdfast_protocol.attempt import AttemptRequest
    from holdfast_protocol.manifest import Manifest

_ADVICE = "calling functions on AWS needs more packages: install holdfast with the extra [aws]"


class _Ways(NamedTuple):
    functions: Functions
    invoker: LambdaInvoker
    discovery: LambdaDiscovery


class LambdaEndpoints:
    """Invoker and discovery of functions; the packages of AWS are loaded when the first one is asked."""

    def __init__(self, *, clock: Clock, signer: RequestSigner | None) -> None:
        self._clock = clock
        self._signer = signer

    def takes_checkpoints(self, deployment: Deployment) -> bool:  # noqa: ARG002 - it is the same for all of them.
        """Return False: the journal is on this machine, where no function can append to it."""
        return False

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        """Call the function."""
        try:
            invoker = self._ways.invoker
        except ImportError:
            return Answer(frames=(), failure=failures.not_sent(_ADVICE))
        return await invoker.invoke(deployment, request, checkpoint=checkpoint, timeout_ms=timeout_ms)

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Ask the function what it serves.

        Raises:
            DiscoveryFailed: It could not be asked, or gave no usable manifest.
        """
        return await self._discovery().discover(endpoint)

    async def convert(self, endpoint: Endpoint, path: Sequence[str], content: bytes) -> Converted:
        """Hand a value to the function, whose SDK converts it.

        Raises:
            DiscoveryFailed: It did not answer.
        """
        return await self._discovery().convert(endpoint, path, content)

    def close(self) -> None:
        """Begin no further calls."""
        if "_ways" in self.__dict__:
            self._ways.functions.close()

    def _discovery(self) -> LambdaDiscovery:
        try:
            return self._ways.discovery
        except ImportError:
            raise DiscoveryFailed(_ADVICE, meta_code=RestateCode.META0003, is_retryable=False) from None

    @cached_property
    def _ways(self) -> _Ways:
        from holdfast_aws.clients import new_session, sts_client_when_needed
        from holdfast_aws.lambda_discovery import LambdaDiscovery
        from holdfast_aws.lambda_functions import Functions
        from holdfast_aws.lambda_invoker import LambdaInvoker

        functions = Functions(None, sts=sts_client_when_needed(new_session(), Lock()))
        return _Ways(
            functions=functions,
            # No function is granted a journal table here.
            invoker=LambdaInvoker(functions, journal_table="", clock=self._clock, signer=self._signer),
            discovery=LambdaDiscovery(functions, signer=self._signer),
        )
