"""The admin API on deployments, services and handlers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast_engine.engine import Registration
from holdfast_engine.errors import DiscoveryFailed, RegistrationRejected
from holdfast_http.admin.app import Admin
from holdfast_http.admin.shapes import deployment_json
from tests.support.attempts import deployment
from tests.support.fake_engine import SERVICES, FakeEngine, deployment_of
from tests.support.requests import ask, content, header, post

URI = "http://127.0.0.1:9080"
KNOWN = Registration(deployment=deployment_of(*SERVICES, address=URI), is_new=False)


@pytest.fixture
def engine() -> FakeEngine:
    """An engine with one deployment."""
    return FakeEngine()


@pytest.fixture
def admin(engine: FakeEngine) -> Admin:
    """The admin API in front of it."""
    return Admin(engine.as_engine, product_version="1.2.3", ingress_url="http://127.0.0.1:8080")


async def get(admin: Admin, path: str) -> Any:
    """Return the JSON of a path that is there."""
    answer = await ask(admin, "GET", path)
    assert answer.status == 200, answer.body
    return content(answer)


async def test_health(admin: Admin) -> None:
    """The process is up, says its version and which versions of the API it serves, and that it is a cluster of one."""
    assert (await ask(admin, "GET", "/health")).status == 200
    assert await get(admin, "/version") == {
        "version": "1.2.3",
        "min_admin_api_version": 2,
        "max_admin_api_version": 4,
        "ingress_endpoint": "http://127.0.0.1:8080",
        "features": {},
    }
    assert (await get(admin, "/cluster-health"))["cluster_name"] == "holdfast"


@pytest.mark.parametrize("prefix", ["", "/v2", "/v3", "/v4"])
async def test_versions(admin: Admin, prefix: str) -> None:
    """Every path is served with and without each version in front."""
    assert len((await get(admin, f"{prefix}/services"))["services"]) == len(SERVICES)


@pytest.mark.parametrize("path", ["/v1/services", "/v1"])
async def test_the_first_version(admin: Admin, path: str) -> None:
    """Version 1 is refused with the versions there are."""
    answer = await ask(admin, "GET", path)
    assert answer.status == 400
    assert "v2, v3, v4" in content(answer)["message"]


async def test_a_service(admin: Admin) -> None:
    """A service is shown with its resolved options, as the official tools read them."""
    service = await get(admin, "/services/Hidden")
    handlers = service.pop("handlers")
    assert service == {
        "name": "Hidden",
        "ty": "Service",
        "documentation": "Only for other handlers.",
        "metadata": {"team": "core"},
        "deployment_id": "dp_10000000000000000000001",
        "revision": 1,
        "public": False,
        "idempotency_retention": "1d",
        "workflow_completion_retention": None,
        "journal_retention": "1d",
        "inactivity_timeout": "1m 30s",
        "abort_timeout": "10m",
        "enable_lazy_state": False,
        "retry_policy": {
            "initial_interval": "500ms",
            "exponentiation_factor": 2.0,
            "max_attempts": 70,
            "max_interval": "1m",
            "on_max_attempts": "Pause",
        },
        "info": [],
    }
    assert handlers == (await get(admin, "/services/Hidden/handlers"))["handlers"]
    assert (handlers[0]["name"], handlers[0]["public"], handlers[0]["inactivity_timeout"]) == ("work", False, "1m 30s")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/services/Greeter", "Service"),
        ("/services/Counter", "VirtualObject"),
        ("/services/Signup", "Workflow"),
        ("/services/Greeter/handlers/greet", None),
        ("/services/Counter/handlers/add", "Exclusive"),
        ("/services/Counter/handlers/get", "Shared"),
        ("/services/Signup/handlers/run", "Workflow"),
        ("/services/Signup/handlers/verify", "Shared"),
    ],
)
async def test_kinds(admin: Admin, path: str, kind: str | None) -> None:
    """Services and handlers are of the kinds the official tools know."""
    assert (await get(admin, path))["ty"] == kind


async def test_a_handler(admin: Admin) -> None:
    """A handler is shown with what it takes and returns."""
    handler = await get(admin, "/services/Greeter/handlers/greet")
    assert handler["input_json_schema"] == {"type": "string"}
    assert handler["input_description"] == "JSON string"
    assert handler["output_description"] == "a body of application/json"
    assert (await get(admin, "/services/Greeter/handlers/bytes"))["input_description"] == "a body of application/*"
    assert handler["idempotency_retention"] == "1d"
    assert (await get(admin, "/services/Counter/handlers/add"))["input_description"].endswith(", or none")
    run = await get(admin, "/services/Signup/handlers/run")
    assert run["workflow_completion_retention"] == "1d"
    assert "idempotency_retention" not in run


async def test_deployments(admin: Admin) -> None:
    """A list of deployments names services and revisions; a single one shows the services wholly."""
    (deployment,) = (await get(admin, "/deployments"))["deployments"]
    assert deployment["services"][0] == {"name": "Greeter", "revision": 1}
    detailed = await get(admin, f"/deployments/{deployment['id']}")
    assert detailed["services"][0]["handlers"][0]["name"] == "greet"
    for shown in (deployment, detailed):
        assert shown["uri"] == "in-process:tests"
        assert shown["protocol_type"] == "RequestResponse"
        assert (shown["min_protocol_version"], shown["max_protocol_version"]) == (5, 7)
        assert shown["created_at"] == "2027-01-15T08:00:00.000Z"


async def test_registering(admin: Admin, engine: FakeEngine) -> None:
    """A new endpoint is created, with its place, its services and what it was registered with."""
    body = {"uri": URI, "additional_headers": {"x-key": "v"}, "use_http_11": True}
    answer = await post(admin, "/deployments", json.dumps(body))
    assert answer.status == 201
    assert header(answer, "location") == f"/deployments/{content(answer)['id']}"
    assert content(answer)["services"][0]["name"] == "Greeter"
    (endpoint,) = engine.registered
    assert (endpoint.transport, endpoint.address, endpoint.use_http_11) == ("http", URI, True)
    assert endpoint.additional_headers == (("x-key", "v"),)


async def test_registering_a_function(admin: Admin, engine: FakeEngine) -> None:
    """An ARN names a Lambda function."""
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f:1"
    answer = await post(admin, "/v3/deployments", json.dumps({"arn": arn}))
    assert answer.status == 201
    assert (engine.registered[0].transport, engine.registered[0].address) == ("lambda", arn)
    assert "assume_role_arn" not in deployment_json(deployment(engine.registered[0]))


async def test_registering_a_function_of_another_account(admin: Admin, engine: FakeEngine) -> None:
    """The role to call a function with is registered and shown."""
    role = "arn:aws:iam::999999999999:role/caller"
    arn = "arn:aws:lambda:us-east-1:999999999999:function:f:1"
    await post(admin, "/v3/deployments", json.dumps({"arn": arn, "assume_role_arn": role}))
    (endpoint,) = engine.registered
    assert endpoint.assume_role_arn == role
    assert deployment_json(deployment(endpoint))["assume_role_arn"] == role


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/v2/deployments", {"force": False}, 409),
        ("/v2/deployments", {"force": True}, 201),
        ("/v2/deployments", {}, 201),
        ("/deployments", {}, 200),
        ("/v3/deployments", {}, 200),
        ("/v3/deployments", {"force": True}, 200),
        ("/v4/deployments", {"dry_run": True}, 200),
        ("/v2/deployments", {"dry_run": True}, 201),
    ],
)
async def test_registering_again(
    admin: Admin, engine: FakeEngine, path: str, options: dict[str, bool], status: int
) -> None:
    """What a known endpoint answers depends on the version of the API, and whether it is replaced."""
    engine.register_result = KNOWN
    answer = await post(admin, path, json.dumps({"uri": URI, **options}))
    assert answer.status == status
    assert ("message" in content(answer)) == (status == 409)


@pytest.mark.parametrize(
    ("use_http_11", "uri", "tried"),
    [(None, URI, [False, True]), (True, URI, [True]), (False, URI, [False]), (None, "https://example.com", [False])],
)
async def test_which_http(
    admin: Admin, engine: FakeEngine, use_http_11: bool | None, uri: str, tried: list[bool]
) -> None:
    """Unless it is said, an endpoint without TLS is asked over HTTP/2 and then over HTTP/1.1."""
    engine.register_result = DiscoveryFailed("nobody there", meta_code="META0003", is_retryable=True)
    answer = await post(admin, "/deployments", json.dumps({"uri": uri, "use_http_11": use_http_11}))
    assert [endpoint.use_http_11 for endpoint in engine.registered] == tried
    assert (answer.status, content(answer)) == (
        502,
        {"message": "nobody there", "restate_code": "META0003", "holdfast_code": "HF-0511"},
    )


async def test_a_definite_answer_is_not_asked_for_twice(admin: Admin, engine: FakeEngine) -> None:
    """An endpoint that answered over HTTP/2 is not asked again over HTTP/1.1."""
    engine.register_result = DiscoveryFailed("404", meta_code="META0003", is_retryable=False)
    await post(admin, "/deployments", json.dumps({"uri": URI}))
    assert len(engine.registered) == 1


async def test_rejected(admin: Admin, engine: FakeEngine) -> None:
    """What may not be registered is refused with the engine's sentence and code."""
    engine.register_result = RegistrationRejected("it became an object", meta_code="META0006", http_status=409)
    answer = await post(admin, "/v3/deployments", json.dumps({"uri": URI}))
    assert answer.status == 409
    assert content(answer) == {
        "message": "it became an object",
        "restate_code": "META0006",
        "holdfast_code": "HF-0420",
    }


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ("{}", "'uri' or 'arn'"),
        ('{"uri": "http://x", "arn": "a"}', "'uri' or 'arn'"),
        ('{"uri": 5}', "'uri' must be a string"),
        ('{"uri": "ftp://x"}', "http://"),
        ('{"uri": "http://["}', "http://"),
        ('{"uri": "localhost:9080"}', "http://"),
        ('{"uri": "http://x", "force": "yes"}', "'force' must be true or false"),
        ('{"uri": "http://x", "metadata": {"a": 1}}', "'metadata' must be an object"),
        ('{"uri": "http://x", "additional_headers": []}', "'additional_headers' must be an object"),
    ],
)
async def test_bad_registrations(admin: Admin, engine: FakeEngine, body: str, word: str) -> None:
    """A body that says too little or something else is refused with the field's name."""
    answer = await post(admin, "/deployments", body)
    assert (answer.status, word in content(answer)["message"]) == (400, True)
    assert engine.registered == []


@pytest.mark.parametrize("content_type", ["text/plain", ""])
async def test_a_page_of_another_origin(admin: Admin, engine: FakeEngine, content_type: str) -> None:
    """What a web page can post without asking first registers nothing, and gets no leave to read."""
    headers = {"content-type": content_type, "origin": "https://example.com"}
    answer = await ask(admin, "POST", "/deployments", json.dumps({"uri": URI}), headers)
    assert (answer.status, engine.registered) == (415, [])
    assert header(answer, "access-control-allow-origin") is None
    assert (await ask(admin, "OPTIONS", "/deployments", headers=headers)).status == 405


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("GET", "/nothing", 404),
        ("GET", "/services/Nobody", 404),
        ("GET", "/services/Nobody/handlers", 404),
        ("GET", "/services/Greeter/handlers/nothing", 404),
        ("GET", "/deployments/dp_1", 404),
        ("GET", "/services/%FF", 400),
        ("POST", "/services", 405),
        ("DELETE", "/health", 405),
        ("PUT", "/deployments", 405),
    ],
)
async def test_refused(admin: Admin, method: str, path: str, status: int) -> None:
    """Unknown things are 404, other methods 405, each with one sentence."""
    answer = await ask(admin, method, path)
    assert answer.status == status
    assert len(content(answer)["message"]) > 10
    assert (header(answer, "allow") is not None) == (status == 405)
