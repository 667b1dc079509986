"""Services and handlers, as the latest deployment of each declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.errors import UnknownTarget
from holdfast_http.admin.shapes import handler_json, service_json
from holdfast_http.messages import Response, json_response

if TYPE_CHECKING:
    from holdfast_engine.registry import Registry, ServiceSpec


def list_services(registry: Registry) -> Response:
    """Return all services."""
    return json_response(200, {"services": [service_json(service) for service in registry.services()]})


def show_service(registry: Registry, name: str) -> Response:
    """Return one service."""
    return json_response(200, service_json(_service(registry, name)))


def show_openapi(registry: Registry, name: str, *, ingress_url: str) -> Response:
    """Return the OpenAPI document of a service."""
    # Asked for by people, now and then; a function that starts need not read it.
    from holdfast_http.openapi import openapi_of

    return json_response(200, openapi_of(_service(registry, name), ingress_url=ingress_url))


def list_handlers(registry: Registry, name: str) -> Response:
    """Return the handlers of a service."""
    handlers = _service(registry, name).handlers.values()
    return json_response(200, {"handlers": [handler_json(handler) for handler in handlers]})


def show_handler(registry: Registry, name: str, handler: str) -> Response:
    """Return one handler."""
    return json_response(200, handler_json(registry.handler(name, handler)))


def _service(registry: Registry, name: str) -> ServiceSpec:
    service = registry.service(name)
    if service is None:
        raise UnknownTarget(f"there is no service {name!r}; GET /services lists those that are registered")
    return service
