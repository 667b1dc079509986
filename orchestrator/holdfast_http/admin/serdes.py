"""Values for people: stored bytes turned into JSON by the SDK of the service that wrote them, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from holdfast_http.messages import Response
from holdfast_http.problems import HttpProblem, bad_request

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.messages import Request

_OPERATIONS = ("decode", "encode")
# A serde is named after the handler whose input or output it is for, or as its service names it.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_UNPROCESSABLE = 422


async def convert(engine: Engine, request: Request, service: str, operation: str, serde: tuple[str, ...]) -> Response:
    """Return a value as JSON, or JSON as a value; 422 is the SDK's own word on what it cannot read."""
    if operation not in _OPERATIONS or not serde:
        raise HttpProblem(404, f"write {request.path!r} as /internal/services/<service>/serdes/decode|encode/<serde>")
    if not all(_NAME.fullmatch(part) and part.strip(".") for part in serde):
        raise bad_request("the name of a serde is made of letters, digits, _, - and ., and of / between them")
    converted = await engine.convert(service, (service, operation, *serde), request.body)
    if converted is None or converted.status == 404:
        raise HttpProblem(
            404, f"the endpoint of {service} has no serde {'/'.join(serde)!r} that shows its values; few SDKs have any"
        )
    if converted.status != 200 and converted.status != _UNPROCESSABLE:
        raise HttpProblem(502, f"the endpoint of {service} answered {converted.status} to being asked for a value")
    headers = (("content-type", converted.media_type or "application/octet-stream"),)
    return Response(status=converted.status, headers=headers, body=converted.body)
