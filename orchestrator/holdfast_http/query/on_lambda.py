"""SQL on AWS: a function of its own runs the queries, because DataFusion and Arrow fill a zip, and admin calls it."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from holdfast_aws.errors import AWS_ERRORS, unavailable
from holdfast_engine.errors import RequestRejected, StoreUnreachable, Unavailable
from holdfast_http.query.budget import QueryRefused
from holdfast_http.query.process import QueryProcess

if TYPE_CHECKING:
    from holdfast_engine.engine import Engine
    from holdfast_http.query.queries import Queries

# Lambda carries 6 MB each way, and so does a function's URL; the bytes travel as base64, in which three are four.
RESULT_BYTES_MAX = 4 * 1024 * 1024
# The first query of a new environment loads the libraries, which takes some seconds.
SECONDS_MAX = 25.0


class QueryFunction:
    """What the query function does with its events."""

    def __init__(self, engine: Engine, *, queries: Queries | None = None) -> None:
        from holdfast_http.query.queries import Queries

        # Lambda freezes what is idle and ends it when it likes, so nobody here has to.
        self._queries = queries or Queries(
            engine,
            process=QueryProcess(idle_seconds=None),
            seconds_max=SECONDS_MAX,
            result_bytes_max=RESULT_BYTES_MAX,
        )

    async def handle(self, event: dict[str, Any], _: Any) -> dict[str, Any]:
        """Return a result, or why there is none."""
        try:
            body = await self._queries.run(event["query"], as_json=event["as_json"])
        except QueryRefused as refused:
            return {"status": refused.status, "message": str(refused)}
        except (RequestRejected, Unavailable) as error:
            return {"status": error.http_status, "message": str(error)}
        return {"status": 200, "body": b64encode(body).decode()}


class RemoteQueries:
    """Runs queries by the query function of this installation, if it has one."""

    def __init__(self, client: Any, function: str) -> None:
        self._client = client
        self._function = function

    async def run(self, query: str, *, as_json: bool) -> bytes:
        """Return the result as JSON or as an Arrow stream.

        Raises:
            QueryRefused: It cannot be answered.
            Unavailable: The function could not be called.
        """
        if not self._function:
            raise QueryRefused(
                "this installation has no SQL: deploy it with `HoldfastOptions(sql=True)`, or by"
                " `cdk deploy -c sql=true`, where `pip install 'holdfast[sql]'` was done",
                status=501,
            )
        event = json.dumps({"query": query, "as_json": as_json}).encode()
        answer, has_failed = await asyncio.to_thread(self._called, event)
        if has_failed:
            reason = answer.get("errorType") or "it gave no reason"
            message = f"the function that runs queries ended over this one ({reason}): select fewer rows, or join less"
            raise QueryRefused(message, status=400)
        if answer["status"] != 200:
            raise QueryRefused(answer["message"], status=answer["status"])
        return b64decode(answer["body"])

    async def close(self) -> None:
        """Do nothing: the function ends by itself."""

    def _called(self, event: bytes) -> tuple[dict[str, Any], bool]:
        try:
            response = self._client.invoke(FunctionName=self._function, Payload=event)
            return json.loads(response["Payload"].read()), "FunctionError" in response
        except AWS_ERRORS as error:
            raise unavailable(error, "calling the function that runs queries", StoreUnreachable) from error
