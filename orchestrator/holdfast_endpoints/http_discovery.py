"""Discovery over HTTP: asks an endpoint for its manifest, and says in one sentence why there is no usable one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast_endpoints.http_address import Address, BadAddress, address_of
from holdfast_endpoints.http_exchange import ResponseTooLarge
from holdfast_endpoints.http_failures import network_failed
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.endpoints.failures import EXCERPT_BYTES_MAX
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
from holdfast_engine.ports import Converted
from holdfast_engine.registry import Endpoint
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.manifest import Manifest, manifest_accept

# Thousands of handlers with their JSON schemas; what one discovery holds in memory.
MANIFEST_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered(Described):
    """A response to discovery, and the version of HTTP that it came in."""

    http_version: str


class HttpDiscovery:
    """Asks endpoints over HTTP, signed if there is somebody to sign."""

    def __init__(
        self,
        pool: HttpPool,
        *,
        signer: RequestSigner | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: float = DISCOVERY_TIMEOUT_S,
    ) -> None:
        self._pool = pool
        self._signer = signer
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s

    async def discover(self, endpoint: Endpoint) -> tuple[Manifest, str | None]:
        """Return the manifest and the SDK's version.

        Raises:
            DiscoveryFailed: There is no usable manifest at that address.
        """
        try:
            address = address_of(endpoint, "discover")
        except BadAddress as error:
            raise failed(str(error), RestateCode.META0003) from None
        answered = await self._ask(address, endpoint)
        manifest = manifest_in(answered, where=str(address), advice="is the path of its URL right?")
        _check(manifest, answered, address)
        return manifest, answered.sdk_version

    async def convert(self, endpoint: Endpoint, path: Sequence[str], content: bytes) -> Converted:
        """Post a value to the endpoint, whose SDK converts it.

        Raises:
            DiscoveryFailed: It did not answer.
        """
        try:
            address = address_of(endpoint, "serdes", *path)
        except BadAddress as error:
            raise failed(str(error), RestateCode.META0003) from None
        headers = additional_headers(endpoint) | {"content-type": "application/octet-stream"}
        headers |= signed(self._signer, "/".join(("/serdes", *path)))
        answered = await self._ask_once(address, headers, method="POST", content=content)
        return Converted(status=answered.status, media_type=answered.media_type, body=answered.body)

    async def _ask(self, address: Address, endpoint: Endpoint) -> _Answered:
        for pause_s in (*self._pauses_s, None):
            headers = additional_headers(endpoint) | {"accept": manifest_accept()}
            headers |= signed(self._signer, "/discover")
            answered = await self._ask_once(address, headers)
            if pause_s is None or answered.status not in PASSING_STATUSES:
                break
            await asyncio.sleep(pause_s)
        return answered

    async def _ask_once(
        self, address: Address, headers: dict[str, str], *, method: str = "GET", content: bytes = b""
    ) -> _Answered:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetch(address, headers, method=method, content=content)
        except TimeoutError:
            problem = f"{address} did not answer within {self._timeout_s:g} s"
        except ResponseTooLarge:
            raise failed(
                f"the answer of {address} is larger than {MANIFEST_BYTES_MAX} bytes", RestateCode.META0013
            ) from None
        except Exception as error:  # noqa: BLE001 - the HTTP/2 library lets its own errors through; none is ours.
            problem = network_failed(error, address, is_first_contact=True).message
        raise failed(problem, RestateCode.META0003, is_retryable=True)

    async def _fetch(self, address: Address, headers: dict[str, str], *, method: str, content: bytes) -> _Answered:
        async with self._pool.exchange(address, method=method, headers=headers, content=content) as exchange:
            if 200 <= exchange.status < 300:
                body = b"".join([chunk async for chunk in exchange.chunks(bytes_max=MANIFEST_BYTES_MAX)])
            else:
                body = await exchange.head(bytes_max=EXCERPT_BYTES_MAX)
            return _Answered(
                status=exchange.status,
                media_type=exchange.media_type,
                http_version=exchange.http_version,
                sdk_version=exchange.headers.get("x-restate-server"),
                body=body,
            )


def _check(manifest: Manifest, answered: _Answered, address: Address) -> None:
    """Refuse a manifest that is right and does not fit the way there."""
    # From HTTP/1.1 on an endpoint that streams is sent everything and then the end of the request, which it takes.
    if manifest.protocol_mode == "bidi_stream" and answered.http_version in ("HTTP/1.0", "HTTP/0.9"):
        raise failed(
            f"the endpoint at {address} wants to stream both ways, which {answered.http_version} cannot do",
            RestateCode.META0015,
        )
