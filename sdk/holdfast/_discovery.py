"""Discovery: the manifest that services amount to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from holdfast._handler import UNANNOTATED, Handler
from holdfast._json_schema import json_schema_for
from holdfast._options import InvocationRetryPolicy, Options
from holdfast._serde import DefaultSerde, JsonSerde, MsgspecJsonSerde, PydanticJsonSerde, Serde, TypedJsonSerde
from holdfast._service import Definition
from holdfast_protocol import manifest as wire

_PROTOCOL_VERSION_MIN = 5
_PROTOCOL_VERSION_MAX = 7

_SERDES_OF_JSON = (DefaultSerde, JsonSerde, MsgspecJsonSerde, PydanticJsonSerde, TypedJsonSerde)


def manifest_of(services: Iterable[Definition], mode: wire.ProtocolMode) -> wire.Manifest:
    """Return what an endpoint with these services tells a server about itself."""
    return wire.Manifest(
        protocol_mode=mode,
        min_protocol_version=_PROTOCOL_VERSION_MIN,
        max_protocol_version=_PROTOCOL_VERSION_MAX,
        services=tuple(_service(service) for service in services),
    )


def _service(service: Definition) -> wire.ServiceManifest:
    return wire.ServiceManifest(
        name=service.name,
        kind=service.kind,
        handlers=tuple(_handler(handler) for handler in service.handlers.values()),
        documentation=service.description,
        metadata=service.metadata or {},
        options=_options(service.options),
    )


def _handler(handler: Handler) -> wire.HandlerManifest:
    return wire.HandlerManifest(
        name=handler.name,
        kind=handler.kind,
        input=_input(handler),
        output=_output(handler),
        documentation=handler.documentation,
        metadata=handler.metadata or {},
        options=_options(handler.options),
    )


def _input(handler: Handler) -> wire.InputSpec:
    if handler.arity == 1:
        return wire.InputSpec()
    return wire.InputSpec(
        required=handler.is_input_required,
        content_type=handler.accept,
        json_schema=_schema(handler.input_serde, handler.input_type),
    )


def _output(handler: Handler) -> wire.OutputSpec:
    # An unannotated function may well return something, so only an explicit None gives up the content type.
    if handler.output_type is None:
        return wire.OutputSpec(set_content_type_if_empty=False)
    return wire.OutputSpec(
        content_type=handler.content_type,
        set_content_type_if_empty=False,
        json_schema=_schema(handler.output_serde, handler.output_type),
    )


def _schema(serde: Serde[Any], type_hint: Any) -> object:
    if not isinstance(serde, _SERDES_OF_JSON):
        return None
    return True if type_hint is UNANNOTATED else json_schema_for(type_hint)


def _options(options: Options) -> wire.Options:
    return wire.Options(
        inactivity_timeout_ms=_milliseconds(options.inactivity_timeout),
        abort_timeout_ms=_milliseconds(options.abort_timeout),
        journal_retention_ms=_milliseconds(options.journal_retention),
        idempotency_retention_ms=_milliseconds(options.idempotency_retention),
        workflow_completion_retention_ms=_milliseconds(options.workflow_retention),
        enable_lazy_state=options.enable_lazy_state,
        ingress_private=options.ingress_private,
        eager_state_keys=options.eager_state_keys,
        retry_policy=_retry_policy(options.invocation_retry_policy),
    )


def _retry_policy(policy: InvocationRetryPolicy | None) -> wire.RetryPolicy:
    if policy is None:
        return wire.RetryPolicy()
    return wire.RetryPolicy(
        initial_interval_ms=_milliseconds(policy.initial_interval),
        max_interval_ms=_milliseconds(policy.max_interval),
        max_attempts=policy.max_attempts,
        exponentiation_factor=policy.exponentiation_factor,
        on_max_attempts=policy.on_max_attempts,
    )


def _milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(milliseconds=1)
