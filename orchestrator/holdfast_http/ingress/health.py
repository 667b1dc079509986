"""Whether the ingress is up, and what it can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.messages import Response, json_response

if TYPE_CHECKING:
    from holdfast_http.ingress.tools import Tools


def health(tools: Tools) -> Response:
    """Return the names of the registered services."""
    return json_response(200, {"services": sorted(service.name for service in tools.engine.registry.services())})
