"""`POST /query`: SQL in, JSON rows or an Arrow stream out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast_http.bounds import RETRY_AFTER
from holdfast_http.json_body import JsonBody, require_json_type
from holdfast_http.messages import JSON_TYPE, Request, Response
from holdfast_http.problems import HttpProblem

if TYPE_CHECKING:
    from holdfast_http.admin.tools import RunsQueries

ARROW_TYPE = "application/vnd.apache.arrow.stream"


async def run(queries: Callable[[], RunsQueries], request: Request) -> Response:
    """Answer a query; who accepts JSON and nothing else gets that, anybody else an Arrow stream."""
    from holdfast_http.query.budget import QueryRefused

    require_json_type(request)
    query = JsonBody(request).text("query")
    as_json = request.header("accept") == JSON_TYPE
    try:
        body = await queries().run(query, as_json=as_json)
    except QueryRefused as refused:
        headers = RETRY_AFTER if refused.status == 429 else ()
        raise HttpProblem(refused.status, str(refused), headers) from refused
    return Response(status=200, headers=(("content-type", JSON_TYPE if as_json else ARROW_TYPE),), body=body)
