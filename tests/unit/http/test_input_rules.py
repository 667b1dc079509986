"""Which bodies a handler takes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from holdfast_engine.errors import BadPayload
from holdfast_engine.registry import HandlerSpec, handler_spec
from holdfast_http.ingress.input_rules import check_input
from holdfast_http.ingress.schemas import Schemas
from holdfast_http.messages import Request
from holdfast_protocol.manifest import HandlerManifest, InputSpec, ServiceManifest

ITEM = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
ORDER = {"$defs": {"Item": ITEM}, "type": "array", "items": {"$ref": "#/$defs/Item"}}

ANYTHING = None
VOID = InputSpec()
JSON = InputSpec(required=True, content_type="application/json")
OPTIONAL_JSON = InputSpec(required=False, content_type="application/json")
ORDERS = InputSpec(required=False, content_type="application/json", json_schema=ORDER)
VENDOR_JSON = InputSpec(required=True, content_type="application/vnd.shop+json")
TEXT = InputSpec(required=True, content_type="text/*")
BYTES = InputSpec(required=True, content_type="*/*")


def handler(spec: InputSpec | None) -> HandlerSpec:
    """Return a handler with this input."""
    each = HandlerManifest(name="greet", kind=None, input=spec)
    return handler_spec(ServiceManifest(name="Greeter", kind="service", handlers=(each,)), each)


def check(spec: InputSpec | None, body: bytes, content_type: str | None, schemas: Schemas | None = None) -> None:
    """Check a request."""
    headers = () if content_type is None else (("content-type", content_type),)
    request = Request(method="POST", path="/Greeter/greet", query="", headers=headers, body=body)
    check_input(request, handler(spec), schemas or Schemas())


@pytest.mark.parametrize(
    ("spec", "body", "content_type"),
    [
        (ANYTHING, b"\xff", None),
        (ANYTHING, b"", "text/plain"),
        (VOID, b"", None),
        (VOID, b"", "application/json"),
        (JSON, b"{}", "application/json"),
        (JSON, b"{}", "Application/JSON; charset=utf-8"),
        (JSON, b" 1 ", "application/json"),
        (OPTIONAL_JSON, b"", None),
        (OPTIONAL_JSON, b"", "application/json"),
        (OPTIONAL_JSON, b"", "text/plain"),
        (ORDERS, b"", None),
        (ORDERS, b'[{"count": 1}]', "application/json"),
        (VENDOR_JSON, b"[]", "application/vnd.shop+json"),
        (TEXT, b"x", "text/plain"),
        (BYTES, b"\xff", None),
        (BYTES, b"\xff", "image/png"),
    ],
)
def test_accepted(spec: InputSpec | None, body: bytes, content_type: str | None) -> None:
    """A body that fits the declaration passes."""
    check(spec, body, content_type)


@pytest.mark.parametrize(
    ("spec", "body", "content_type", "words"),
    [
        (JSON, b"", None, "needs a body of application/json"),
        (JSON, b"", "application/json", "needs a body"),
        (BYTES, b"", None, "needs a body"),
        (VOID, b"x", "text/plain", "takes no input"),
        (JSON, b"{}", None, "has no content-type: send the header 'content-type: application/json'"),
        (JSON, b"{}", "text/plain", "says text/plain"),
        (JSON, b"{}", "application/jsonx", "says application/jsonx"),
        (TEXT, b"x", "application/json", "takes text/\\*"),
        (JSON, b"{not json", "application/json", "is not JSON"),
        (JSON, b"NaN", "application/json", "is not JSON"),
        (JSON, b'"\xff"', "application/json", "is not JSON"),
        (JSON, b"[" * 100_000, "application/json", "is not JSON"),
        (VENDOR_JSON, b"{", "application/vnd.shop+json", "is not JSON"),
        (ORDERS, b"{}", "application/json", "does not fit its JSON schema: .*array"),
        (ORDERS, b'[{"count": 1}, {"count": "x"}]', "application/json", "at /1/count: .*integer"),
    ],
)
def test_refused(spec: InputSpec, body: bytes, content_type: str | None, words: str) -> None:
    """A body that does not fit is refused with one sentence that names the handler and what would fit."""
    with pytest.raises(BadPayload, match=words) as refused:
        check(spec, body, content_type)
    assert "Greeter/greet" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/nowhere"},
        {"type": "nonsense"},
        {"$schema": "https://example.com/dialect"},
        {"type": "string", "pattern": "(?=a)b"},
        "a string",
    ],
)
def test_a_schema_that_cannot_be_compiled(schema: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A schema beyond the compiler leaves its handler reachable, any JSON passes, and the log says so once."""
    schemas, spec = Schemas(), InputSpec(content_type="application/json", json_schema=schema)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            check(spec, b"5", "application/json", schemas)
    assert len(caplog.records) == (0 if isinstance(schema, str) else 1)
    with pytest.raises(BadPayload):
        check(spec, b"{", "application/json", schemas)


def test_a_pattern_that_would_backtrack() -> None:
    """A pattern that takes for ever in a backtracking engine is decided at once."""
    spec = InputSpec(content_type="application/json", json_schema={"pattern": "^(a+)+$"})
    with pytest.raises(BadPayload):
        check(spec, b'"' + b"a" * 50_000 + b'!"', "application/json")


def test_a_handler_registered_anew() -> None:
    """A handler's next revision is checked by its own schema."""
    schemas = Schemas()
    text, number = ({"type": kind} for kind in ("string", "number"))
    for schema, good, bad in ((text, b'"x"', b"1"), (number, b"1", b'"x"'), (text, b'"x"', b"1")):
        spec = InputSpec(content_type="application/json", json_schema=schema)
        check(spec, good, "application/json", schemas)
        with pytest.raises(BadPayload):
            check(spec, bad, "application/json", schemas)


def test_a_long_value_is_not_repeated() -> None:
    """The sentence stays short however long the value is, and still says what is wrong with it."""
    spec = InputSpec(content_type="application/json", json_schema={"type": "integer"})
    with pytest.raises(BadPayload, match="integer") as refused:
        check(spec, b'"' + b"x" * 100_000 + b'"', "application/json")
    assert len(str(refused.value)) < 500
