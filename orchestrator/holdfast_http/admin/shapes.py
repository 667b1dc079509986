"""How deployments, services and handlers look in the admin API's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_engine.records import Kind
from holdfast_engine.registry import ServiceSpec, handler_spec
from holdfast_engine.retry import OnMaxAttempts, RetryPolicy
from holdfast_http.durations import friendly_duration
from holdfast_http.messages import JSON_TYPE
from holdfast_http.times import rfc3339
from holdfast_protocol.manifest import HandlerManifest

if TYPE_CHECKING:
    from holdfast_engine.registry import Deployment, HandlerSpec
    from holdfast_protocol.manifest import InputSpec, OutputSpec

_SERVICE_TYPE = {"service": "Service", "object": "VirtualObject", "workflow": "Workflow"}
_HANDLER_TYPE = {Kind.EXCLUSIVE: "Exclusive", Kind.SHARED: "Shared", Kind.WORKFLOW: "Workflow"}
_ON_MAX_ATTEMPTS = {OnMaxAttempts.PAUSE: "Pause", OnMaxAttempts.KILL: "Kill"}


def deployment_json(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment with the names and revisions of its services."""
    services = [{"name": name, "revision": revision} for name, revision in deployment.revisions]
    return {**_deployment_head(deployment), "services": services}


def detailed_deployment_json(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment with its services, as this deployment declares them."""
    return {**_deployment_head(deployment), "services": [service_json(each) for each in services_of(deployment)]}


def services_of(deployment: Deployment) -> list[ServiceSpec]:
    """Return the services a deployment declares; those of a dry run have no revision and count as the first."""
    return [
        ServiceSpec(
            name=manifest.name,
            kind=manifest.kind,
            deployment=deployment,
            revision=deployment.revision_of(manifest.name) or 1,
            manifest=manifest,
            handlers={handler.name: handler_spec(manifest, handler) for handler in manifest.handlers},
        )
        for manifest in deployment.manifest.services
    ]


def service_json(service: ServiceSpec) -> dict[str, Any]:
    """Return the metadata of a service and its handlers."""
    # A handler that says nothing has what its service says.
    silent = handler_spec(service.manifest, HandlerManifest(name="", kind=None))
    run = next((each for each in service.handlers.values() if each.kind is Kind.WORKFLOW), None)
    return {
        "name": service.name,
        "ty": _SERVICE_TYPE[service.kind],
        "handlers": [handler_json(handler) for handler in service.handlers.values()],
        "documentation": service.manifest.documentation,
        "metadata": dict(service.manifest.metadata),
        "deployment_id": service.deployment.id,
        "revision": service.revision,
        "idempotency_retention": friendly_duration(silent.completion_retention_ms),
        "workflow_completion_retention": friendly_duration(run.completion_retention_ms) if run else None,
        **_options_json(silent),
    }


def handler_json(handler: HandlerSpec) -> dict[str, Any]:
    """Return the metadata of one handler, its options resolved."""
    retention = "workflow_completion_retention" if handler.kind is Kind.WORKFLOW else "idempotency_retention"
    return {
        "name": handler.name,
        "ty": _HANDLER_TYPE.get(handler.kind),
        "documentation": handler.documentation,
        "metadata": dict(handler.metadata),
        "input_description": _input_description(handler.input),
        "output_description": _output_description(handler.output),
        "input_json_schema": handler.input.json_schema if handler.input else None,
        "output_json_schema": handler.output.json_schema if handler.output else None,
        retention: friendly_duration(handler.completion_retention_ms),
        **_options_json(handler),
    }


def _options_json(handler: HandlerSpec) -> dict[str, Any]:
    return {
        "public": not handler.is_private,
        "journal_retention": friendly_duration(handler.journal_retention_ms),
        "inactivity_timeout": friendly_duration(handler.inactivity_timeout_ms),
        "abort_timeout": friendly_duration(handler.abort_timeout_ms),
        "enable_lazy_state": handler.is_lazy,
        "retry_policy": _retry_json(handler.retry),
        "info": [],
    }


def _deployment_head(deployment: Deployment) -> dict[str, Any]:
    endpoint, manifest = deployment.endpoint, deployment.manifest
    is_lambda = endpoint.transport == "lambda"
    shape: dict[str, Any] = {"id": deployment.id}
    if is_lambda:
        shape["arn"] = endpoint.address
        if endpoint.assume_role_arn is not None:
            shape["assume_role_arn"] = endpoint.assume_role_arn
    else:
        in_process = endpoint.transport == "in-process"
        shape["uri"] = f"in-process:{endpoint.address}" if in_process else endpoint.address
        shape["http_version"] = "HTTP/1.1" if endpoint.use_http_11 else "HTTP/2.0"
    return shape | {
        "protocol_type": "BidiStream" if manifest.protocol_mode == "bidi_stream" else "RequestResponse",
        "additional_headers": dict(endpoint.additional_headers),
        "metadata": dict(deployment.metadata),
        "created_at": rfc3339(deployment.created_ms),
        "min_protocol_version": manifest.min_protocol_version,
        "max_protocol_version": manifest.max_protocol_version,
        "sdk_version": deployment.sdk_version,
        "info": [],
    }


def _retry_json(policy: RetryPolicy) -> dict[str, Any]:
    return {
        "initial_interval": friendly_duration(policy.initial_interval_ms),
        "exponentiation_factor": policy.factor,
        "max_attempts": policy.max_attempts,
        "max_interval": friendly_duration(policy.max_interval_ms),
        "on_max_attempts": _ON_MAX_ATTEMPTS[policy.on_max_attempts],
    }


def _input_description(spec: InputSpec | None) -> str:
    if spec is None:
        return "anything"
    if spec.content_type is None and spec.json_schema is None and not spec.required:
        return "none"
    body = _body_description(spec.content_type or "any content type", spec.json_schema)
    return body if spec.required else f"{body}, or none"


def _output_description(spec: OutputSpec | None) -> str:
    if spec is None:
        return _body_description(JSON_TYPE, None)
    return _body_description(spec.content_type, spec.json_schema) if spec.content_type else "none"


def _body_description(content_type: str, json_schema: object) -> str:
    # Whoever reads a description may want to know what to send.
    match json_schema if content_type == JSON_TYPE else None:
        case {"title": str(title)} if title:
            return f"JSON '{title}'"
        case {"type": str(kind)}:
            return f"JSON {kind}"
        case _:
            return f"a body of {content_type}"
