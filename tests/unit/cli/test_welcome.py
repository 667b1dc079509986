"""What the server says when it is up, and values to try it with."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from holdfast_cli.dev.examples import example_of
from holdfast_cli.dev.welcome import Situation, curl_line, service_lines, welcome
from holdfast_engine.registry import Registry
from tests.support.fake_engine import SERVICES, deployment_of

SITUATION = Situation(
    version="1.2.3",
    ingress_url="http://127.0.0.1:8080",
    admin_url="http://127.0.0.1:9070",
    data="here",
    reload="off",
)
REGISTRY = Registry([deployment_of(*SERVICES)])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Greeter", ["/Greeter/greet", "-H", "content-type: application/json", "-d", '"text"']),
        ("Counter", ["/Counter/my-key/add", "-H", "content-type: application/json", "-d", "null"]),
        ("Signup", ["/Signup/my-key/run", "-H", "content-type: application/json", "-d", "null"]),
        ("Hidden", ["/Hidden/work"]),
    ],
)
def test_curl_lines(name: str, words: list[str]) -> None:
    """A line to paste names a handler, a key where there must be one, and a body that fits."""
    service = REGISTRY.service(name)
    assert service is not None
    assert shlex.split(curl_line("http://site", service)) == ["curl", f"http://site{words[0]}", *words[1:]]


def test_the_text() -> None:
    """The text has the addresses, every service with its kind and handlers, and a line to try for each public one."""
    text = welcome(SITUATION, REGISTRY.services())
    for word in (
        "Holdfast 1.2.3 is running",
        "http://127.0.0.1:8080",
        "http://127.0.0.1:9070",
        "Counter  virtual object  add, get (shared)",
        "Signup   workflow        run, verify (shared)",
        "curl http://127.0.0.1:8080/Counter/my-key/add",
    ):
        assert word in text
    assert "curl http://127.0.0.1:8080/Hidden" not in text
    assert "--admin-url" not in text


def test_the_text_of_a_server_that_asks_for_a_token() -> None:
    """Whoever starts a server that asks for a token is reminded of it."""
    assert "HOLDFAST_TOKEN" in welcome(replace(SITUATION, asks_for_token=True), REGISTRY.services())
    assert "HOLDFAST_TOKEN" not in welcome(SITUATION, REGISTRY.services())


def test_the_text_without_services() -> None:
    """Without services it says how to get some."""
    text = welcome(SITUATION, [])
    assert "No services are registered yet." in text
    assert "holdfast deployments register" in text
    assert service_lines([]) == ["  No services are registered yet."]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "string", "minLength": 10},
        {"type": "string", "maxLength": 2},
        {"type": "string", "format": "date-time"},
        {"type": "integer"},
        {"type": "integer", "minimum": 100},
        {"type": "integer", "exclusiveMinimum": 7},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["integer", "null"]},
        {"enum": ["red", "blue"]},
        {"const": 5},
        {"default": {"a": 1}, "type": "object"},
        {"examples": ["x"], "type": "string"},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"allOf": [{"type": "integer"}]},
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
        {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["b"]},
        {
            "$ref": "#/$defs/Item",
            "$defs": {"Item": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}},
        },
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}},
        True,
    ],
)
def test_an_example_fits_its_schema(schema: Any) -> None:
    """The example made for a schema is valid by it, and is JSON."""
    example = example_of(schema)
    json.dumps(example)
    jsonschema_rs.validator_for(schema).validate(example)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "$ref": "#/$defs/Tree",
            "$defs": {"Tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Tree"}}}},
        },
        {"$ref": "#"},
        {"$ref": "https://example.com"},
        {"type": []},
        {"type": "nonsense"},
        None,
        5,
    ],
)
def test_an_example_of_anything(schema: Any) -> None:
    """A schema without end, or none at all, still gives something that is JSON."""
    json.dumps(example_of(schema))
