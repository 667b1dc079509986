"""What an endpoint answers to discovery: its manifest, or one sentence on why that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast_engine.endpoints.failures import words
from holdfast_engine.errors import DiscoveryFailed
from holdfast_protocol.codes import RestateCode
from holdfast_protocol.manifest import Manifest, ManifestError, manifest_from_json, manifest_version
from holdfast_protocol.versions import PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN, choose_version

# Somebody waits at a prompt; a cold start fits in.
DISCOVERY_TIMEOUT_S = 20.0

# Pauses before the second, third and fourth try, for an endpoint that is coming up or busy.
PAUSES_S = (0.25, 0.5, 1.0)

PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A response to discovery, read to its end."""

    status: int
    media_type: str
    sdk_version: str | None
    body: bytes


def manifest_in(described: Described, *, where: str, advice: str) -> Manifest:
    """Return the manifest in a response; `advice` is what to look at when there is no SDK endpoint.

    Raises:
        DiscoveryFailed: There is none, or none that this server can work with.
    """
    status = described.status
    if status == 404:
        raise failed(f"{where} answered 404: there is no SDK endpoint; {advice}", RestateCode.META0003)
    if not 200 <= status < 300:
        raise failed(
            f"{where} answered {status} instead of a manifest.{words(described.body)}",
            RestateCode.META0003,
            is_retryable=status in PASSING_STATUSES,
        )
    version = manifest_version(described.media_type)
    if version is None:
        raise failed(
            f"{where} answered with content type {described.media_type!r}, which is none of the manifest's:"
            " no SDK endpoint, or one too old or too new",
            RestateCode.META0013,
        )
    try:
        manifest = manifest_from_json(described.body, version)
    except ManifestError as error:
        raise failed(f"the manifest at {where} cannot be used: {error}", RestateCode.META0013) from None
    _check_versions(manifest, where)
    return manifest


def failed(message: str, meta_code: RestateCode, *, is_retryable: bool = False) -> DiscoveryFailed:
    """Return the failure of a discovery."""
    return DiscoveryFailed(message, meta_code=meta_code, is_retryable=is_retryable)


def _check_versions(manifest: Manifest, where: str) -> None:
    version_min, version_max = manifest.min_protocol_version, manifest.max_protocol_version
    if choose_version(version_min, version_max) is None:
        raise failed(
            f"the SDK at {where} speaks protocol versions {version_min} to {version_max}, this server"
            f" {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION_MAX}; update the {'SDK' if version_max < 5 else 'server'}",
            RestateCode.META0012,
        )
