"""Awakeables, completed from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_engine.records import Failure, Outcome
from holdfast_http.messages import Request, Response

if TYPE_CHECKING:
    from holdfast_http.ingress.tools import Tools

_REJECTED_CODE = 500


async def resolve(tools: Tools, request: Request, awakeable_id: str) -> Response:
    """Complete an awakeable with the body, byte for byte."""
    await tools.engine.complete_awakeable(awakeable_id, Outcome(value=request.body))
    return Response(status=202)


async def reject(tools: Tools, request: Request, awakeable_id: str) -> Response:
    """Fail an awakeable; the body is the message of the terminal error its handler sees."""
    message = request.body.decode("utf-8", "replace") or "the awakeable was rejected"
    await tools.engine.complete_awakeable(awakeable_id, Outcome(failure=Failure(code=_REJECTED_CODE, message=message)))
    return Response(status=202)
