"""SQL on AWS: what admin asks of the query function, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import EndpointConnectionError

from holdfast_engine.errors import Throttled
from holdfast_http.admin.app import Admin
from holdfast_http.messages import Request, Response
from holdfast_http.query.on_lambda import QueryFunction, RemoteQueries
from holdfast_http.query.queries import Queries
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers

JSON = "application/json"


class LambdaClient:
    """Calls the function in this process, with events and answers as JSON, as Lambda has them."""

    def __init__(self, function: QueryFunction, loop: asyncio.AbstractEventLoop) -> None:
        self.function = function
        self.loop = loop
        self.failure: dict[str, Any] | None = None
        self.error: Exception | None = None

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto's
        if self.error is not None:
            raise self.error
        if self.failure is not None:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(self.failure).encode())}
        handled = asyncio.run_coroutine_threadsafe(self.function.handle(json.loads(Payload), None), self.loop)
        return {"Payload": io.BytesIO(json.dumps(handled.result(30)).encode())}


class Installation:
    """An engine with something to ask for, the query function, and the admin API that calls it."""

    def __init__(self, e: EngineUnderTest) -> None:
        self.e = e
        self.queries = Queries(e.engine, result_bytes_max=5_000)
        self.client = LambdaClient(QueryFunction(e.engine, queries=self.queries), asyncio.get_running_loop())
        self.remote = RemoteQueries(self.client, "query")

    async def ask(self, query: str, *, accept: str = JSON) -> Response:
        admin = Admin(self.e.engine, product_version="1", ingress_url="http://ingress", queries=self.remote)
        headers = (("content-type", JSON), ("accept", accept))
        body = json.dumps({"query": query}).encode()
        return await admin.handle(Request(method="POST", path="/query", query="", headers=headers, body=body))


@pytest.fixture
async def installation() -> AsyncIterator[Installation]:
    """Two invocations, ended."""
    async with EngineUnderTest() as e:
        e.script["S/work"] = answers([f.output(b"done"), f.END])
        for _ in range(2):
            await e.call("S/work")
        installed = Installation(e)
        yield installed
        await installed.queries.close()


async def test_answers_come_back_in_both_shapes(installation: Installation) -> None:
    """Rows come back as JSON to who accepts just that, and as an Arrow stream to anybody else."""
    query = "SELECT count(*) AS n FROM sys_invocation WHERE target_service_name = 'S'"
    answer = await installation.ask(query)
    assert (answer.status, json.loads(answer.body)) == (200, {"rows": [{"n": 2}]})
    answer = await installation.ask(query, accept="*/*")
    assert pa.ipc.open_stream(answer.body).read_all().to_pylist() == [{"n": 2}]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nothing FROM nowhere", "nowhere"),
        ("SELECT repeat('x', 6000) AS x", "the result is larger than 5000 bytes"),
        ("DROP TABLE sys_invocation", "DROP"),
    ],
)
async def test_refusals_are_passed_on(installation: Installation, query: str, says: str) -> None:
    """A query that is wrong, or whose result is more than a function may answer, is refused with the reason."""
    answer = await installation.ask(query)
    assert answer.status == 400
    assert says.lower() in answer.body.decode().lower()


async def test_troubles_on_the_way_are_told(installation: Installation) -> None:
    """A function that died is the query's fault, one that cannot be reached a dependency's, and both say what to do."""
    installation.client.failure = {"errorType": "Runtime.OutOfMemory", "errorMessage": "…"}
    answer = await installation.ask("SELECT 1")
    assert answer.status == 400
    assert b"Runtime.OutOfMemory" in answer.body
    installation.client.error = EndpointConnectionError(endpoint_url="https://lambda")
    assert (await installation.ask("SELECT 1")).status == 503


async def test_a_store_that_does_not_answer_is_no_fault_of_the_query(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the function could not read is told with the status of that trouble."""

    async def throttled(*_: Any, **__: Any) -> bytes:
        raise Throttled("DynamoDB limits the rate")

    monkeypatch.setattr(installation.queries, "run", throttled)
    answer = await installation.ask("SELECT 1")
    assert answer.status == Throttled.http_status
    assert b"limits the rate" in answer.body


async def test_without_the_function_one_is_told_how_to_deploy_it(installation: Installation) -> None:
    """An installation without SQL answers 501 and says which option makes it."""
    installation.remote = RemoteQueries(installation.client, "")
    answer = await installation.ask("SELECT 1")
    assert answer.status == 501
    assert b"HoldfastOptions(sql=True)" in answer.body
