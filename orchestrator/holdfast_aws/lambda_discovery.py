"""Discovery on Lambda: asks a function for its manifest, and says in one sentence why there is no usable one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from holdfast_aws.errors import AWS_ERRORS, Trouble, said, status_of, trouble_of
from holdfast_aws.lambda_failures import call_failed, function_failed
from holdfast_aws.lambda_functions import AnswerTooLong, BadFunction, Functions, NotBegun
from holdfast_engine.endpoints.headers import additional_headers
from holdfast_engine.endpoints.identity import RequestSigner, signed
from holdfast_engine.endpoints.manifests import (
    DISCOVERY_TIMEOUT_S,
    PASSING_STATUSES,
    PAUSES_S,
    Described,
    failed,
    manifest_in,
)
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Converted
from holdfast_engine.registry import Endpoint
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.envelope import parse_response, request_envelope
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.manifest import Manifest, manifest_accept

# A version that was published a moment ago is being made ready.
_PENDING = "ResourceConflictException"
_PATH = "/discover"
_ADVICE = "is its handler that of an SDK?"


class LambdaDiscovery:
    """Asks functions, signed if there is somebody to sign."""

    def __init__(
        self,
        functions: Functions,
        *,
        signer: RequestSigner | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: float = DISCOVERY_TIMEOUT_S,
    ) -> None:
        self._functions = functions
        self._signer = signer
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Return the manifest and the SDK's version.

        Raises:
            DiscoveryFailed: There is no usable manifest at that function.
        """
        where = endpoint.address
        described = await self._ask(endpoint)
        manifest = manifest_in(described, where=where, advice=_ADVICE)
        if manifest.protocol_mode == "bidi_stream":
            raise failed(
                f"the endpoint at {where} wants to stream both ways, which Lambda cannot do: serve it in"
                " request/response mode",
                RestateCode.META0015,
            )
        return manifest, described.sdk_version

    async def convert(self, endpoint: Endpoint, path: Sequence[str], content: bytes) -> Converted:
        """Hand a value to the function, whose SDK converts it.

        Raises:
            DiscoveryFailed: It did not answer.
        """
        where = "/".join(("/serdes", *path))
        headers = additional_headers(endpoint) | {"content-type": "application/octet-stream"}
        headers |= signed(self._signer, where)
        payload = json.dumps(request_envelope(path=where, headers=headers, body=content)).encode()
        described = await self._ask_once(endpoint, payload)
        return Converted(status=described.status, media_type=described.media_type, body=described.body)

    async def _ask(self, endpoint: Endpoint) -> Described:
        for pause_s in (*self._pauses_s, None):
            try:
                described = await self._ask_once(endpoint, self._request(endpoint))
            except DiscoveryFailed as failure:
                if pause_s is None or not failure.is_retryable:
                    raise
            else:
                if pause_s is None or described.status not in PASSING_STATUSES:
                    return described
            await asyncio.sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    def _request(self, endpoint: Endpoint) -> bytes:
        headers = additional_headers(endpoint) | {"accept": manifest_accept()} | signed(self._signer, _PATH)
        return json.dumps(request_envelope(path=_PATH, headers=headers, method="GET")).encode()

    async def _ask_once(self, endpoint: Endpoint, payload: bytes) -> Described:
        where = endpoint.address
        try:
            invoked = await self._functions.invoke(endpoint, payload, timeout_s=self._timeout_s)
        except BadFunction as error:
            raise failed(str(error), RestateCode.META0003) from None
        except (NotBegun, TimeoutError):
            problem = f"{where} did not answer within {self._timeout_s:g} s"
            raise failed(problem, RestateCode.META0003, is_retryable=True) from None
        except AnswerTooLong as error:
            raise failed(f"the manifest at {where} is too large for Lambda: {error}", RestateCode.META0013) from None
        except AWS_ERRORS as error:
            problem = call_failed(where, error).message
            raise failed(problem, RestateCode.META0003, is_retryable=_may_pass(error)) from error
        if invoked.has_failed:
            raise failed(function_failed(where, invoked.payload).message, RestateCode.META0003)
        try:
            response = parse_response(invoked.payload)
        except DecodeError as error:
            raise failed(f"{where} is no SDK endpoint: {error}; {_ADVICE}", RestateCode.META0003) from None
        return Described(
            status=response.status,
            media_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            sdk_version=response.headers.get("x-restate-server"),
            body=response.body,
        )


def _may_pass(error: Exception) -> bool:
    return trouble_of(error) is not Trouble.FINAL or _PENDING in said(error) or status_of(error) >= 500
