"""Options of services that operators change without a new deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.admin.shapes import service_json
from holdfast_http.json_body import JsonBody, require_json_type
from holdfast_http.messages import Request, Response, json_response
from holdfast_protocol.manifest import Options

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine


async def configure(engine: Engine, request: Request, service: str) -> Response:
    """Change the options that the body names, until the service's next revision."""
    require_json_type(request)
    body = JsonBody(request)
    is_public = body.flag("public")
    change = Options(
        ingress_private=None if is_public is None else not is_public,
        idempotency_retention_ms=body.duration_ms("idempotency_retention"),
        workflow_completion_retention_ms=body.duration_ms("workflow_completion_retention"),
        journal_retention_ms=body.duration_ms("journal_retention"),
        inactivity_timeout_ms=body.duration_ms("inactivity_timeout"),
        abort_timeout_ms=body.duration_ms("abort_timeout"),
    )
    return json_response(200, service_json(await engine.configure(service, change)))
