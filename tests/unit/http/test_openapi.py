"""The OpenAPI document of a service."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast_http.admin.app import Admin
from holdfast_protocol.manifest import HandlerManifest, InputSpec, OutputSpec, ServiceManifest
from tests.support.fake_engine import FakeEngine, deployment_of
from tests.support.requests import ask, content

INGRESS = "https://ingress.example"
NESTED = {"type": "object", "properties": {"to": {"$ref": "#/$defs/Place"}}, "$defs": {"Place": {"type": "string"}}}


async def document(service: str) -> dict[str, Any]:
    """Return the document that the admin API gives of a service."""
    engine = FakeEngine()
    nested = HandlerManifest(name="ship", kind=None, input=InputSpec(required=True, json_schema=NESTED))
    silent = HandlerManifest(name="ping", kind=None, input=InputSpec(), output=OutputSpec())
    service_manifest = ServiceManifest(name="Shipping", kind="service", handlers=(nested, silent))
    engine.registry.put(deployment_of(service_manifest))
    return dict(content(await ask(_admin(engine), "GET", f"/services/{service}/openapi")))


def _admin(engine: FakeEngine) -> Admin:
    return Admin(engine.as_engine, product_version="1", ingress_url=INGRESS)


@pytest.mark.parametrize(
    ("service", "paths"),
    [
        (
            "Counter",
            {
                "/restate/call/Counter/{key}/add",
                "/restate/send/Counter/{key}/add",
                "/restate/invocation/Counter/{key}/add/{idempotencyKey}/attach",
                "/restate/invocation/Counter/{key}/add/{idempotencyKey}/output",
            },
        ),
        (
            "Signup",
            {
                "/restate/call/Signup/{key}/run",
                "/restate/call/Signup/{key}/verify",
                "/restate/send/Signup/{key}/run",
                "/restate/workflow/Signup/{key}/attach",
                "/restate/workflow/Signup/{key}/output",
            },
        ),
    ],
)
async def test_paths(service: str, paths: set[str]) -> None:
    """Every way to reach a handler is a path of the document."""
    assert paths <= set((await counted(service))["paths"])


async def counted(service: str) -> dict[str, Any]:
    """Return the document of one of the engine's usual services."""
    return dict(content(await ask(_admin(FakeEngine()), "GET", f"/services/{service}/openapi")))


@pytest.mark.parametrize("service", ["Greeter", "Counter", "Signup"])
async def test_references_lead_somewhere(service: str) -> None:
    """Whatever a document refers to is in it."""
    _follow(await counted(service))


async def test_references_within_a_schema() -> None:
    """A handler's schema may refer to parts of itself, and they are found where the schema stands now."""
    found = await document("Shipping")
    _follow(found)
    assert found["components"]["schemas"]["shipRequest"]["$defs"]["Place"] == {"type": "string"}


async def test_what_a_handler_takes_and_gives() -> None:
    """Content types and schemas are those of the handler, and a handler without input has no body."""
    greet = (await counted("Greeter"))["paths"]["/restate/call/Greeter/greet"]["post"]
    assert greet["requestBody"]["required"]
    assert list(greet["requestBody"]["content"]) == ["application/json"]
    assert list(greet["responses"]["200"]["content"]) == ["application/json"]
    ping = (await document("Shipping"))["paths"]["/restate/call/Shipping/ping"]["post"]
    assert "requestBody" not in ping
    assert "content" not in ping["responses"]["200"]


async def test_a_run_has_no_idempotency_key() -> None:
    """A workflow's run is called by its key alone."""
    run = (await counted("Signup"))["paths"]["/restate/call/Signup/{key}/run"]["post"]
    assert run["parameters"] == [{"$ref": "#/components/parameters/key"}]


async def test_an_unknown_service() -> None:
    """A service that is not registered has no document."""
    assert (await ask(_admin(FakeEngine()), "GET", "/services/Nobody/openapi")).status == 404


def _follow(document: dict[str, Any]) -> None:
    references = _references(document)
    assert references
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for each in value for found in _references(each)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for each in value.values() for found in _references(each)]
