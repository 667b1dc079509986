"""Rows of what is registered: services, deployments, and the rules of limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_http.admin.shapes import service_json

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_engine.registry import Registry

_TY = {"Service": "service", "VirtualObject": "virtual_object", "Workflow": "workflow"}


def service_rows(registry: Registry) -> list[dict[str, Any]]:
    """Return the services as they are called now."""
    shapes = [service_json(service) for service in registry.services()]
    names = ("name", "revision", "public", "deployment_id")
    return [{**{name: shape[name] for name in names}, "ty": _TY[shape["ty"]]} for shape in shapes]


async def rule_rows(engine: Engine) -> list[dict[str, Any]]:
    """Return the rules, as they are stored now."""
    return [
        {
            "pattern": rule.pattern,
            "concurrency": rule.concurrency,
            "description": rule.description,
            "disabled": rule.is_disabled,
            "version": rule.version,
            "last_modified": rule.modified_ms,
        }
        for rule in await engine.world.store.rules()
    ]


def deployment_rows(registry: Registry) -> list[dict[str, Any]]:
    """Return the deployments."""
    return [
        {
            "id": deployment.id,
            "ty": "lambda" if deployment.endpoint.transport == "lambda" else "http",
            "endpoint": deployment.endpoint.address,
            "created_at": deployment.created_ms,
            "min_service_protocol_version": deployment.manifest.min_protocol_version,
            "max_service_protocol_version": deployment.manifest.max_protocol_version,
            "services": [name for name, _ in deployment.revisions],
        }
        for deployment in registry.deployments()
    ]
