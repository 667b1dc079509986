"""The OpenAPI document of the admin API has every route there is, and none beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from holdfast_http.admin import kafka, limits, operations, routes, seeing
from holdfast_http.admin.app import Admin
from holdfast_http.admin.openapi import PATHS, document
from tests.support.fake_engine import FakeEngine
from tests.support.requests import ask, content, header
from tests.support.tree import parsed

METHODS = ("delete", "get", "head", "patch", "post", "put")
EXAMPLE = {"service": "Greeter", "handler": "greet", "operation": "kill", "page": "x"}


@pytest.fixture
def admin() -> Admin:
    """The admin API in front of an engine that keeps nothing."""
    return Admin(FakeEngine().as_engine, product_version="1", ingress_url="http://127.0.0.1:8080")


@pytest.mark.parametrize("path", PATHS)
async def test_methods(admin: Admin, path: str) -> None:
    """A path takes the methods that the document gives it."""
    asked = re.sub(r"\{(\w+)\}", lambda name: EXAMPLE.get(name[1], "x"), path)
    refused = await ask(admin, "TRACE", asked)
    assert refused.status == 405
    allowed = (header(refused, "allow") or "").lower().split(", ")
    assert sorted(allowed) == sorted(PATHS[path].keys() & set(METHODS))


def test_every_route_is_described() -> None:
    """Whatever the code matches a path against is a path of the document."""
    written = {re.sub(r"\{\w+\}", "*", path) for path in PATHS}
    # The verbs of an invocation are matched one by one, further down; versions are taken off in front.
    verbs = {path for path in written if path.startswith("/invocations/*/")}
    assert {*_matched()} - {"/invocations/*/*", "/ui", "/v1/*", "/*/*"} == written - verbs


def _matched() -> Iterator[str]:
    for module in (routes, seeing, operations, limits, kafka):
        assert module.__file__ is not None
        for node in ast.walk(parsed(Path(module.__file__))):
            if isinstance(node, ast.MatchSequence):
                yield from _spelled(node)


def _spelled(node: ast.MatchSequence) -> Iterator[str]:
    found = [""]
    for each in node.patterns:
        found = [before + "/" + part for before in found for part in _parts(each)]
    return iter(path or "/" for path in found)


def _parts(pattern: ast.pattern) -> list[str]:
    match pattern:
        case ast.MatchValue(value=ast.Constant(value=str(word))):
            return [word]
        case ast.MatchOr(patterns=several):
            return [part for each in several for part in _parts(each)]
        case ast.MatchAs(pattern=inner) if inner is not None:
            return _parts(inner)
        case _:
            return ["*"]


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/version", "Version"),
        ("/deployments", "Deployments"),
        ("/v2/deployments", "Deployments"),
        ("/deployments/dp_10000000000000000000001", "DetailedDeployment"),
        ("/services", "Services"),
        ("/services/Counter", "Service"),
        ("/services/Signup/handlers", "Handlers"),
        ("/services/Hidden/handlers/work", "Handler"),
        ("/services/Nobody", "Error"),
        ("/invocations/x", "Error"),
    ],
)
async def test_answers_are_as_described(admin: Admin, path: str, schema: str) -> None:
    """What the API answers fits the schema of the document."""
    _check(content(await ask(admin, "GET", path)), schema)


@pytest.mark.parametrize("version", ["", "/v2", "/v3", "/v4"])
async def test_it_is_served(admin: Admin, version: str) -> None:
    """Every version serves it, and its references lead somewhere."""
    served = content(await ask(admin, "GET", f"{version}/openapi"))
    assert served["openapi"] == "3.1.0"
    for name in re.findall(r'"\$ref": "#/components/(\w+)/(\w+)"', str(served).replace("'", '"')):
        assert name[1] in served["components"][name[0]]


def _check(shown: Any, schema: str) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document("1")["components"]}
    jsonschema_rs.validator_for(whole).validate(shown)
