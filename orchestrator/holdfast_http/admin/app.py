"""The admin API as one application: routes and errors around the handler functions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from holdfast_http.admin.answers import EXPECTED, error_response, problem_response
from holdfast_http.admin.routes import route
from holdfast_http.admin.tools import Tools
from holdfast_http.messages import Request, Response

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.admin.gate import Gate
    from holdfast_http.admin.tools import RunsQueries

_log = logging.getLogger("holdfast.http")


class Admin:
    """Answers the requests of the admin API. Pages of other origins get no leave to read it."""

    def __init__(
        self,
        engine: Engine,
        *,
        product_version: str,
        ingress_url: str,
        gate: Gate | None = None,
        queries: RunsQueries | None = None,
    ) -> None:
        """Serve an engine; without a gate, whatever stands in front of this has seen to who may pass.

        Without `queries`, those of this machine are made when they are first needed.
        """
        self._gate = gate
        self._queries = queries
        self._tools = Tools(
            engine=engine, product_version=product_version, ingress_url=ingress_url, queries=self._open_queries
        )

    async def handle(self, request: Request) -> Response:
        """Answer a request; never raises for what a client or a dependency does."""
        try:
            if self._gate is not None and (answer := self._gate.answer(request)) is not None:
                return answer
            return await route(self._tools, request)
        except EXPECTED as error:
            return problem_response(error)
        except Exception:  # noqa: BLE001 - a bug must become an answer and a log line, not a broken connection.
            _log.exception("%s %s failed", request.method, request.path)
            return error_response(500, "the admin API failed on this request; its log says why")

    async def close(self) -> None:
        """End the process that runs queries, if there is one."""
        if self._queries is not None:
            await self._queries.close()

    def _open_queries(self) -> RunsQueries:
        if self._queries is None:
            # A fifth of what this API imports, and most of the time nobody asks.
            from holdfast_http.query.queries import Queries

            self._queries = Queries(self._tools.engine)
        return self._queries

    def refuse(self, request: Request, *, status: int, message: str) -> Response:  # noqa: ARG002 - as App has it.
        """Return the error response for what a binding must refuse before it has the body."""
        return error_response(status, message)
