"""Who signs the requests to endpoints behind a URL: a private key in a secret, which a process reads once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_aws.errors import AWS_ERRORS, unavailable
from holdfast_engine.errors import Unavailable

if TYPE_CHECKING:
    from holdfast_engine.endpoints.identity import RequestSigner
    from holdfast_engine.ports import Clock


class SecretKey:
    """A key in a secret; functions that never meet such an endpoint never ask for it."""

    def __init__(self, client: Any, secret_arn: str, *, clock: Clock) -> None:
        self._client = client
        self._secret_arn = secret_arn
        self._clock = clock

    def signer(self) -> RequestSigner | None:
        """Return who signs with it; None when there is no secret. It waits for AWS, on whatever thread it is called.

        Raises:
            Unavailable: The secret could not be read.
            BadIdentityKey: It holds something else than a private key.
        """
        if not self._secret_arn:
            return None
        from holdfast_engine.endpoints.identity import RequestSigner

        try:
            answer = self._client.get_secret_value(SecretId=self._secret_arn)
        except AWS_ERRORS as error:
            raise unavailable(error, "the secret with the identity key cannot be read", Unavailable) from error
        pem = answer["SecretString"].encode() if "SecretString" in answer else answer["SecretBinary"]
        return RequestSigner(pem, clock=self._clock)
