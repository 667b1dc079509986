"""The ingress as one application: routes, errors and cross-origin headers around the handler functions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast_http.bounds import WAITING_MAX
from holdfast_http.ingress import cors
from holdfast_http.ingress.answers import EXPECTED, error_response, problem_response
from holdfast_http.ingress.routes import route
from holdfast_http.ingress.schemas import Schemas
from holdfast_http.ingress.tools import Tools
from holdfast_http.messages import Request, Response
from holdfast_http.waiting import WaitingRoom

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_engine.errors import OrchestratorError

_log = logging.getLogger("holdfast.http")


class Ingress:
    """Answers the requests of the ingress API."""

    def __init__(self, engine: Engine, *, now_ms: Callable[[], int], waiting_max: int = WAITING_MAX) -> None:
        self.waiting_room = WaitingRoom(waiting_max=waiting_max)
        self._tools = Tools(engine=engine, waiting_room=self.waiting_room, schemas=Schemas(), now_ms=now_ms)

    async def handle(self, request: Request) -> Response:
        """Answer a request; never raises for what a client or a dependency does."""
        if request.method == "OPTIONS":
            return cors.preflight(request)
        try:
            response = await route(self._tools, request)
        except EXPECTED as error:
            response = problem_response(error)
        except Exception:  # noqa: BLE001 - a bug must become an answer and a log line, not a broken connection.
            _log.exception("%s %s failed", request.method, request.path)
            response = error_response(500, "the ingress failed on this request; its log says why")
        return cors.opened(request, response)

    def trouble(self, request: Request, error: OrchestratorError) -> Response:
        """Return the error response for what befell a binding before the request was looked at."""
        return cors.opened(request, problem_response(error))

    def refuse(self, request: Request, *, status: int, message: str) -> Response:
        """Return the error response for what a binding must refuse before it has the body."""
        return cors.opened(request, error_response(status, message))
