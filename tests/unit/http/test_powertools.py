"""The Lambda binding: events of API Gateway and of function URLs, both ways."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver

from holdfast_engine.engine import Submission
from holdfast_engine.records import Outcome
from holdfast_http.admin.app import Admin
from holdfast_http.ingress.app import Ingress
from holdfast_http.powertools import function_url_resolver_for, resolver_for
from tests.support.fake_engine import NOW_MS, FakeEngine


def event(path: str, body: bytes | str = b"", *, method: str = "POST", stage: str = "$default", **more: Any) -> Any:
    """Return an event in payload format 2.0."""
    text = b64encode(body).decode() if isinstance(body, bytes) else body
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": "1",
            "apiId": "a",
            "stage": stage,
            "requestId": "r",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "::1", "userAgent": "x"},
        },
        "body": text,
        "isBase64Encoded": isinstance(body, bytes),
        **more,
    }


@pytest.fixture
def engine() -> FakeEngine:
    """An engine that answers with the body."""
    return FakeEngine()


@pytest.fixture
def ingress(engine: FakeEngine) -> Ingress:
    """The ingress in front of it."""
    return Ingress(engine.as_engine, now_ms=lambda: NOW_MS)


async def resolve(resolver: ApiGatewayResolver, happened: Any) -> dict[str, Any]:
    """Run a resolver as a Lambda function would."""
    answer = await resolver.resolve_async(happened, None)  # type: ignore[arg-type]
    json.dumps(answer)
    return answer


async def test_a_call(ingress: Ingress, engine: FakeEngine) -> None:
    """A call comes through with its headers, cookies and query, and JSON is answered as text."""
    happened = event(
        "/Greeter/greet",
        '"ü"',
        rawQueryString="x=1",
        cookies=["a=1", "b=2"],
        headers={"Content-Type": "application/json"},
    )
    answer = await resolve(resolver_for(ingress), happened)
    assert (answer["statusCode"], answer["body"], answer["isBase64Encoded"]) == (200, '"ü"', False)
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["x-restate-id"].startswith("inv_1")
    headers = dict(engine.submissions[0].headers)
    assert (headers["content-type"], headers["cookie"]) == ("application/json", "a=1; b=2")


async def test_binary_bodies(ingress: Ingress) -> None:
    """Bytes travel as base64 in both directions, unchanged."""
    content = bytes(range(256))
    happened = event("/Greeter/bytes", content, headers={"content-type": "application/x"})
    answer = await resolve(resolver_for(ingress), happened)
    assert (answer["isBase64Encoded"], b64decode(answer["body"])) == (True, content)


async def test_json_that_is_not_text() -> None:
    """A result declared as JSON that is no text is handed on all the same."""

    async def answering(_: Submission) -> Outcome:
        return Outcome(value=b"\xff")

    ingress = Ingress(FakeEngine(answering).as_engine, now_ms=lambda: NOW_MS)
    answer = await resolve(resolver_for(ingress), event("/Greeter/any"))
    assert (answer["isBase64Encoded"], b64decode(answer["body"])) == (True, b"\xff")


@pytest.mark.parametrize(
    ("path", "key"),
    [("/Counter/a b%2B/add", "a b%2B"), ("/prod/Counter/k/add", "k"), ("/Counter/a\nb?c#d/add", "a\nb?c#d")],
)
async def test_decoded_paths(ingress: Ingress, engine: FakeEngine, path: str, key: str) -> None:
    """An HTTP API hands over the path decoded, so it is not decoded again; its stage is taken off."""
    stage = "prod" if path.startswith("/prod") else "$default"
    answer = await resolve(resolver_for(ingress), event(path, "1", stage=stage))
    assert answer["statusCode"] == 200
    assert engine.submissions[0].target.key == key


async def test_encoded_paths(ingress: Ingress, engine: FakeEngine) -> None:
    """A function URL hands over the path as it travelled, so a key may hold a slash."""
    answer = await resolve(function_url_resolver_for(ingress), event("/Counter/a%2Fb%20c/add", "1"))
    assert answer["statusCode"] == 200
    assert engine.submissions[0].target.key == "a/b c"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 400),
        ("POST", "/Nobody/greet", 404),
        ("PUT", "/Greeter/greet", 405),
        ("HEAD", "/Greeter/greet", 405),
        ("OPTIONS", "/Greeter/greet", 204),
        ("GET", "/restate/health", 200),
        ("POST", "/Greeter/greet/send", 202),
    ],
)
async def test_answers(ingress: Ingress, method: str, path: str, status: int) -> None:
    """Refusals and everything else are the application's own, not the resolver's."""
    answer = await resolve(resolver_for(ingress), event(path, '"x"', method=method))
    assert answer["statusCode"] == status


async def test_the_admin_api(engine: FakeEngine) -> None:
    """The admin API goes behind a resolver in the same way."""
    admin = Admin(engine.as_engine, product_version="1", ingress_url="https://ingress")
    answer = await resolve(resolver_for(admin), event("/v3/services", method="GET"))
    assert [service["name"] for service in json.loads(answer["body"])["services"]] == [
        "Counter",
        "Greeter",
        "Hidden",
        "Signup",
    ]
