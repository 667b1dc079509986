"""Values turned into JSON, and back, by the SDK of the service that wrote them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from holdfast_aws.lambda_discovery import LambdaDiscovery
from holdfast_aws.lambda_functions import Functions
from holdfast_endpoints.http_discovery import HttpDiscovery
from holdfast_endpoints.http_pool import HttpPool
from holdfast_endpoints.router import RoutingDiscovery
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.ports import Converted, Converting
from holdfast_engine.registry import Endpoint
from holdfast_http.admin.app import Admin
from tests.support.fake_engine import FakeEngine
from tests.support.fake_lambda import ARN, FakeLambda, answering
from tests.support.requests import ask, content, header

PATH = "/internal/services/Greeter/serdes"
JSON = Converted(status=200, media_type="application/json", body=b'{"a":1}')


@pytest.fixture
def engine() -> FakeEngine:
    """An engine whose endpoints convert as a test says."""
    return FakeEngine()


@pytest.fixture
def admin(engine: FakeEngine) -> Admin:
    """The admin API in front of it."""
    return Admin(engine.as_engine, product_version="1", ingress_url="")


@pytest.mark.parametrize(
    ("converted", "status", "word"),
    [
        (JSON, 200, '{"a":1}'),
        (Converted(status=422, media_type="application/json", body=b'{"message":"no"}'), 422, "no"),
        (Converted(status=404, media_type="text/plain", body=b"?"), 404, "few SDKs"),
        (Converted(status=500, media_type="text/plain", body=b"?"), 502, "answered 500"),
        (None, 404, "few SDKs"),
    ],
)
async def test_what_the_sdk_says(
    admin: Admin, engine: FakeEngine, converted: Converted | None, status: int, word: str
) -> None:
    """What the SDK made of a value is handed on, and so is that it cannot; whatever else it says is its fault."""
    engine.converted = converted
    answer = await ask(admin, "POST", f"/v4{PATH}/decode/greet/input", b"\x00\xff")
    assert (answer.status, word in answer.body.decode()) == (status, True)
    assert engine.operated == [("convert", "Greeter", ("Greeter", "decode", "greet", "input"), b"\x00\xff")]
    assert header(answer, "content-type") == "application/json"


@pytest.mark.parametrize(
    ("path", "status"),
    [("praise/x", 404), ("decode", 404), ("decode/..", 400), ("decode/a%2Fb", 400), ("encode/%C3%A9", 400)],
)
async def test_what_is_no_serde(admin: Admin, engine: FakeEngine, path: str, status: int) -> None:
    """What cannot be a serde's name is not asked for."""
    answer = await ask(admin, "POST", f"{PATH}/{path}", b"")
    assert (answer.status, engine.operated, bool(content(answer)["message"])) == (status, [], True)


async def test_over_http() -> None:
    """An endpoint is posted the value below its own path, with what its requests carry."""
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=httpx.ByteStream(JSON.body))

    discovery = HttpDiscovery(HttpPool(lambda address, connections_max: httpx.MockTransport(respond)))
    endpoint = Endpoint(transport="http", address="http://h/base", additional_headers=(("x-team", "a"),))
    router = RoutingDiscovery({"http": discovery})
    assert await router.convert(endpoint, ("S", "decode", "greet", "input"), b"\0") == JSON
    assert (seen[0].method, str(seen[0].url)) == ("POST", "http://h/base/serdes/S/decode/greet/input")
    assert (seen[0].content, seen[0].headers["x-team"]) == (b"\0", "a")
    unknown = await router.convert(Endpoint(transport="in-process", address="dev"), ("S", "decode", "x"), b"")
    assert unknown.status == 404


async def test_over_http_where_nobody_is() -> None:
    """An endpoint that does not answer is said to be so."""

    def respond(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    discovery = HttpDiscovery(HttpPool(lambda address, connections_max: httpx.MockTransport(respond)))
    with pytest.raises(DiscoveryFailed, match="refused"):
        await discovery.convert(Endpoint(transport="http", address="http://h"), ("S", "decode", "x"), b"")


async def test_on_lambda() -> None:
    """A function is handed the value as it is handed everything else."""
    events: list[dict[str, Any]] = []

    def respond(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps({"a": 1})}

    with FakeLambda(answering(respond)) as client:
        functions = Functions(client, sts=None)
        discovery = LambdaDiscovery(functions)
        assert isinstance(discovery, Converting)
        converted = await discovery.convert(Endpoint(transport="lambda", address=ARN), ("S", "encode", "x"), b"{}")
        functions.close()
    assert (converted.status, converted.media_type, json.loads(converted.body)) == (200, "application/json", {"a": 1})
    assert (events[0]["path"], events[0]["httpMethod"]) == ("/serdes/S/encode/x", "POST")
