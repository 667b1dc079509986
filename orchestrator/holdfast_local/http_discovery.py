"""Discovery over HTTP: asks an endpoint for its manifest, and says in one sentence why there is no usable one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Endpoint
from holdfast_local.http_address import Address, BadAddress, additional_headers, address_of
from holdfast_local.http_exchange import ResponseTooLarge
from holdfast_local.http_failures import EXCERPT_BYTES_MAX, network_failed, words
from holdfast_local.http_pool import HttpPool
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.manifest import (
    Manifest,
    ManifestError,
    manifest_accept,
    manifest_from_json,
    manifest_version,
)
from holdfast_protocol.versions import PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN, choose_version

# Thousands of handlers with their JSON schemas; what one discovery holds in memory.
MANIFEST_BYTES_MAX = 16 * 1024 * 1024

# Somebody waits at a prompt; a cold start fits in.
DISCOVERY_TIMEOUT_S = 20.0

# Pauses before the second, third and fourth try, for an endpoint that is coming up or busy.
PAUSES_S = (0.25, 0.5, 1.0)

_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """A response to discovery, read to its end."""

    status: int
    media_type: str
    http_version: str
    sdk_version: str | None
    body: bytes


class HttpDiscovery:
    """Asks endpoints over HTTP."""

    def __init__(
        self, pool: HttpPool, *, pauses_s: Sequence[float] = PAUSES_S, timeout_s: float = DISCOVERY_TIMEOUT_S
    ) -> None:
        self._pool = pool
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
            raise _failed(str(error), RestateCode.META0003) from None
        answered = await self._ask(address, endpoint)
        manifest = _read(answered, address)
        _check(manifest, answered, address)
        return manifest, answered.sdk_version

    async def _ask(self, address: Address, endpoint: Endpoint) -> _Answered:
        headers = additional_headers(endpoint) | {"accept": manifest_accept()}
        for pause_s in (*self._pauses_s, None):
            answered = await self._ask_once(address, headers)
            if pause_s is None or answered.status not in _PASSING_STATUSES:
                break
            await asyncio.sleep(pause_s)
        return answered

    async def _ask_once(self, address: Address, headers: dict[str, str]) -> _Answered:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetch(address, headers)
        except TimeoutError:
            problem = f"{address} did not answer within {self._timeout_s:g} s"
        except ResponseTooLarge:
            raise _failed(
                f"the manifest at {address} is larger than {MANIFEST_BYTES_MAX} bytes", RestateCode.META0013
            ) from None
        except Exception as error:  # noqa: BLE001 - the HTTP/2 library lets its own errors through; none is ours.
            problem = network_failed(error, address, is_first_contact=True).message
        raise _failed(problem, RestateCode.META0003, is_retryable=True)

    async def _fetch(self, address: Address, headers: dict[str, str]) -> _Answered:
        async with self._pool.exchange(address, method="GET", headers=headers, content=b"") as exchange:
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


def _read(answered: _Answered, address: Address) -> Manifest:
    """Return the manifest in a response."""
    if answered.status == 404:
        raise _failed(
            f"{address} answered 404: there is no SDK endpoint; is the path of its URL right?", RestateCode.META0003
        )
    if not 200 <= answered.status < 300:
        raise _failed(
            f"{address} answered {answered.status} instead of a manifest.{words(answered.body)}",
            RestateCode.META0003,
            is_retryable=answered.status in _PASSING_STATUSES,
        )
    version = manifest_version(answered.media_type)
    if version is None:
        raise _failed(
            f"{address} answered with content type {answered.media_type!r}, which is none of the manifest's:"
            " no SDK endpoint, or one too old or too new",
            RestateCode.META0013,
        )
    try:
        return manifest_from_json(answered.body, version)
    except ManifestError as error:
        raise _failed(f"the manifest at {address} cannot be used: {error}", RestateCode.META0013) from None


def _check(manifest: Manifest, answered: _Answered, address: Address) -> None:
    """Refuse a manifest that is right and does not fit this server or the way there."""
    version_min, version_max = manifest.min_protocol_version, manifest.max_protocol_version
    if choose_version(version_min, version_max) is None:
        raise _failed(
            f"the SDK at {address} speaks protocol versions {version_min} to {version_max}, this server"
            f" {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION_MAX}; update the {'SDK' if version_max < 5 else 'server'}",
            RestateCode.META0012,
        )
    # From HTTP/1.1 on an endpoint that streams is sent everything and then the end of the request, which it takes.
    if manifest.protocol_mode == "bidi_stream" and answered.http_version in ("HTTP/1.0", "HTTP/0.9"):
        raise _failed(
            f"the endpoint at {address} wants to stream both ways, which {answered.http_version} cannot do",
            RestateCode.META0015,
        )


def _failed(message: str, meta_code: RestateCode, *, is_retryable: bool = False) -> DiscoveryFailed:
    return DiscoveryFailed(message, meta_code=meta_code, is_retryable=is_retryable)
