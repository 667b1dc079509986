"""Rows of the registry: services and deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_http.admin.shapes import service_json

if TYPE_CHECKING:
    from holdfast_engine.registry import Registry

_TY = {"Service": "service", "VirtualObject": "virtual_object", "Workflow": "workflow"}


def service_rows(registry: Registry) -> list[dict[str, Any]]:
    """Return the services as they are called now."""
    shapes = [service_json(service) for service in registry.services()]
    names = ("name", "revision", "public", "deployment_id")
    return [{**{name: shape[name] for name in names}, "ty": _TY[shape["ty"]]} for shape in shapes]


def deployment_rows(registry: Registry) -> list[dict[str, Any]]:
    """Return the deployments."""
    return [
        {
            "id": deployment.id,
            "ty": deployment.endpoint.transport,
            "endpoint": deployment.endpoint.address,
            "created_at": deployment.created_ms,
            "min_service_protocol_version": deployment.manifest.min_protocol_version,
            "max_service_protocol_version": deployment.manifest.max_protocol_version,
            "services": [name for name, _ in deployment.revisions],
        }
        for deployment in registry.deployments()
    ]
