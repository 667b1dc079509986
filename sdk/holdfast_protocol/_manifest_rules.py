"""Rules a manifest obeys beyond the types of its fields; they hold for one that is read and one that is written."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast_protocol._manifest_records import HandlerManifest, Manifest, ManifestError, ServiceManifest
from holdfast_protocol._manifest_table import HANDLER_KIND_BY_DECLARED
from holdfast_protocol.names import handler_name_problem, service_name_problem


def check(manifest: Manifest) -> None:
    """Check a whole manifest.

    Raises:
        ManifestError: A rule is broken; the first one found is named.
    """
    low, high = manifest.min_protocol_version, manifest.max_protocol_version
    if low > high:
        raise ManifestError(f"minProtocolVersion must not be above maxProtocolVersion, but {low} is above {high}")
    _check_distinct((service.name for service in manifest.services), "services", "service")
    for index, service in enumerate(manifest.services):
        _check_service(service, f"services[{index}]")


def _check_service(service: ServiceManifest, path: str) -> None:
    problem = service_name_problem(service.name)
    if problem is not None:
        raise ManifestError(f"{path}.name: {problem}")
    if service.options.workflow_completion_retention_ms is not None:
        raise ManifestError(f"{path}.workflowCompletionRetention is only allowed on the run handler of a workflow")
    _check_distinct((handler.name for handler in service.handlers), f"{path}.handlers", "handler")
    for index, handler in enumerate(service.handlers):
        _check_handler(handler, service, f"{path}.handlers[{index}]")


def _check_handler(handler: HandlerManifest, service: ServiceManifest, path: str) -> None:
    problem = handler_name_problem(handler.name)
    if problem is not None:
        raise ManifestError(f"{path}.name: {problem}")
    if HANDLER_KIND_BY_DECLARED.get((service.kind, handler.kind), "") != handler.kind:
        raise ManifestError(f"{path}.ty: a service of kind {service.kind} has no handlers of kind {handler.kind}")
    is_run = handler.kind == "workflow"
    if handler.options.workflow_completion_retention_ms is not None and not is_run:
        raise ManifestError(f"{path}.workflowCompletionRetention is only allowed on the run handler of a workflow")
    if handler.options.idempotency_retention_ms is not None and is_run:
        raise ManifestError(f"{path}.idempotencyRetention is not allowed on the run handler of a workflow")
    if service.options.ingress_private and handler.options.ingress_private is False:
        raise ManifestError(f"{path}.ingressPrivate cannot be false, because its service is private")


def _check_distinct(names: Iterable[str], path: str, noun: str) -> None:
    index_by_name: dict[str, int] = {}
    for index, name in enumerate(names):
        first = index_by_name.setdefault(name, index)
        if first != index:
            raise ManifestError(f"{path}[{index}].name: {path}[{first}] is a {noun} of the same name")
