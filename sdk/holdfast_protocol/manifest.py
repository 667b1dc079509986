"""The discovery manifest: its records, reading and writing each version of it, and agreeing on a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast_protocol._manifest_read import read_manifest
from holdfast_protocol._manifest_records import (
    HandlerKind,
    HandlerManifest,
    InputSpec,
    Manifest,
    ManifestError,
    OnMaxAttempts,
    Options,
    OutputSpec,
    ProtocolMode,
    RetryPolicy,
    ServiceKind,
    ServiceManifest,
)
from holdfast_protocol._manifest_table import MANIFEST_VERSION_MAX, MANIFEST_VERSION_MIN
from holdfast_protocol._manifest_write import write_manifest

__all__ = [
    "MANIFEST_VERSION_MAX",
    "MANIFEST_VERSION_MIN",
    "HandlerKind",
    "HandlerManifest",
    "InputSpec",
    "Manifest",
    "ManifestError",
    "OnMaxAttempts",
    "Options",
    "OutputSpec",
    "ProtocolMode",
    "RetryPolicy",
    "ServiceKind",
    "ServiceManifest",
    "manifest_accept",
    "manifest_from_json",
    "manifest_media_type",
    "manifest_to_json",
    "manifest_version",
    "negotiate",
]

# Version 5 is still moving upstream, so a client that accepts anything gets the last settled one.
_VERSION_FOR_ANY = 4

_VERSIONS = range(MANIFEST_VERSION_MIN, MANIFEST_VERSION_MAX + 1)


def manifest_from_json(data: bytes | Mapping[str, object], version: int) -> Manifest:
    """Return the manifest that a discovery response of one version describes.

    Fields the version does not know are ignored.

    Raises:
        ManifestError: A required field is missing, a value has the wrong type, or a rule of registration is broken.
    """
    _require_version(version)
    return read_manifest(data, version)


def manifest_to_json(manifest: Manifest, version: int) -> dict[str, Any]:
    """Return the manifest as JSON values in one version.

    Raises:
        ManifestError: A rule of registration is broken, or an option is set that the version cannot carry.
    """
    _require_version(version)
    return write_manifest(manifest, version)


def manifest_media_type(version: int) -> str:
    """Return the content type of a manifest of one version."""
    return f"application/vnd.restate.endpointmanifest.v{version}+json"


_VERSION_BY_MEDIA_TYPE = {manifest_media_type(version): version for version in _VERSIONS}


def manifest_version(content_type: str) -> int | None:
    """Return the version a response's content type stands for; None when it is anything else."""
    return _VERSION_BY_MEDIA_TYPE.get(content_type)


def manifest_accept() -> str:
    """Return the `accept` header of a discovery request that takes every version."""
    # Ascending and with exactly this separator: one SDK splits it literally.
    return ", ".join(_VERSION_BY_MEDIA_TYPE)


def negotiate(accept: str) -> int | None:
    """Return the highest version that an `accept` header admits; None when it admits none.

    An empty header admits any, as does a wildcard.
    """
    ranges = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    versions = [_VERSION_BY_MEDIA_TYPE[part] for part in ranges if part in _VERSION_BY_MEDIA_TYPE]
    if versions:
        return max(versions)
    admits_any = not any(ranges) or "*/*" in ranges or "application/*" in ranges
    return _VERSION_FOR_ANY if admits_any else None


def _require_version(version: int) -> None:
    if version not in _VERSIONS:
        raise ValueError(f"manifest version {version} does not exist; this package knows 1 to {MANIFEST_VERSION_MAX}")
