"""Deployments, services and handlers as registered, and which of them an invocation meets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast_engine.records import Kind
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_protocol.manifest import HandlerManifest, InputSpec, Manifest, Options, OutputSpec, ServiceManifest

DAY_MS = 24 * 60 * 60 * 1000
DEFAULT_RETENTION_MS = DAY_MS
DEFAULT_INACTIVITY_TIMEOUT_MS = 60_000
DEFAULT_ABORT_TIMEOUT_MS = 600_000

PROTOCOL_VERSION_MIN = 5
PROTOCOL_VERSION_MAX = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where handlers live.

    `address` is a URI for `http`, a qualified ARN for `lambda`, and any name for `in-process`.
    """

    transport: Literal["in-process", "http", "lambda"]
    address: str
    use_http_11: bool = False
    additional_headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One registered version of user code; `revisions` gives each of its services the revision it introduced."""

    id: str
    endpoint: Endpoint
    manifest: Manifest
    revisions: tuple[tuple[str, int], ...]
    created_ms: int
    sdk_version: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    def revision_of(self, service: str) -> int | None:
        """Return the revision of a service in this deployment."""
        return next((revision for name, revision in self.revisions if name == service), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSpec:
    """A handler with all its options resolved: its own, else the service's, else the defaults."""

    service: str
    name: str
    kind: Kind
    input: InputSpec | None
    output: OutputSpec | None
    is_private: bool
    is_lazy: bool
    retry: RetryPolicy
    completion_retention_ms: int
    journal_retention_ms: int
    inactivity_timeout_ms: int
    abort_timeout_ms: int
    documentation: str | None
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service as the latest deployment that has it declares it."""

    name: str
    kind: Literal["service", "object", "workflow"]
    deployment: Deployment
    revision: int
    manifest: ServiceManifest
    handlers: dict[str, HandlerSpec]
