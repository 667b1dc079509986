"""Records of the discovery manifest: what an endpoint says about its services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from holdfast_protocol.errors import DecodeError

ProtocolMode = Literal["bidi_stream", "request_response"]
ServiceKind = Literal["service", "object", "workflow"]
# None for the handlers of a plain service.
HandlerKind = Literal["exclusive", "shared", "workflow"] | None
OnMaxAttempts = Literal["pause", "kill"]


class ManifestError(DecodeError):
    """A manifest cannot be read, written or registered; the message is one sentence that names the place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSpec:
    """What a handler accepts. `required` left out counts as false."""

    required: bool | None = None
    content_type: str | None = None
    json_schema: object = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSpec:
    """What a handler returns. `set_content_type_if_empty` left out counts as false."""

    content_type: str | None = None
    set_content_type_if_empty: bool | None = None
    json_schema: object = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How failed attempts are repeated. `max_attempts` counts the first one, and 0 means 1."""

    initial_interval_ms: int | None = None
    max_interval_ms: int | None = None
    max_attempts: int | None = None
    exponentiation_factor: float | None = None
    on_max_attempts: OnMaxAttempts | None = None

    def over(self, base: RetryPolicy) -> RetryPolicy:
        """Return this policy with the parts it leaves open taken from `base`."""
        return replace(base, **_said(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The settings a service or one of its handlers may carry; None means: as the level above says.

    `eager_state_keys` only counts with `enable_lazy_state`: these keys are preloaded nevertheless.
    """

    inactivity_timeout_ms: int | None = None
    abort_timeout_ms: int | None = None
    journal_retention_ms: int | None = None
    idempotency_retention_ms: int | None = None
    workflow_completion_retention_ms: int | None = None
    enable_lazy_state: bool | None = None
    ingress_private: bool | None = None
    eager_state_keys: tuple[str, ...] | None = None
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)

    def over(self, base: Options) -> Options:
        """Return these options with what they leave open taken from `base`, as a handler's lie over its service's."""
        return replace(base, **{**_said(self), "retry_policy": self.retry_policy.over(base.retry_policy)})


@dataclass(frozen=True, kw_only=True, slots=True)
class HandlerManifest:
    """One handler. Its kind is resolved: never None in an object or a workflow."""

    name: str
    kind: HandlerKind
    input: InputSpec | None = None
    output: OutputSpec | None = None
    documentation: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceManifest:
    """One service and its handlers."""

    name: str
    kind: ServiceKind
    handlers: tuple[HandlerManifest, ...]
    documentation: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Everything one endpoint declares."""

    protocol_mode: ProtocolMode
    min_protocol_version: int
    max_protocol_version: int
    services: tuple[ServiceManifest, ...]
    lambda_compression: Literal["zstd"] | None = None


def _said(record: RetryPolicy | Options) -> dict[str, Any]:
    named = ((each.name, getattr(record, each.name)) for each in fields(record))
    return {name: value for name, value in named if value is not None}
