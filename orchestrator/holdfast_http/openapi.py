"""The OpenAPI document of one service: how its handlers are reached through the ingress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast_engine.records import Kind
from holdfast_http.openapi_parts import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast_engine.registry import HandlerSpec, ServiceSpec

_ANY_JSON = "application/json"
_KEY = {"$ref": "#/components/parameters/key"}
_IDEMPOTENCY_KEY = {"$ref": "#/components/parameters/idempotencyKeyHeader"}
_IDEMPOTENCY_KEY_IN_PATH = {"$ref": "#/components/parameters/idempotencyKeyPath"}
_DELAY = {"$ref": "#/components/parameters/delay"}


def openapi_of(service: ServiceSpec, *, ingress_url: str) -> dict[str, Any]:
    """Return the document of a service as its latest revision declares it."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = dict(COMPONENTS["schemas"])
    for handler in service.handlers.values():
        paths |= _handler_paths(service, handler)
        schemas |= _handler_schemas(handler)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": service.name, "version": str(service.revision)},
        "servers": [{"url": ingress_url}],
        "paths": paths,
        "components": {**COMPONENTS, "schemas": schemas},
    }
    if service.manifest.documentation:
        document["info"]["description"] = service.manifest.documentation
    return document


def _handler_paths(service: ServiceSpec, handler: HandlerSpec) -> dict[str, Any]:
    middle = "/{key}" if handler.kind.is_keyed else ""
    name = f"{service.name}{middle}/{handler.name}"
    keyed = [_KEY] if handler.kind.is_keyed else []
    is_run = handler.kind is Kind.WORKFLOW
    # A workflow's run has its key instead of an idempotency key.
    called_with = keyed if is_run else [*keyed, _IDEMPOTENCY_KEY]
    words = _words(handler)
    body = _request_body(handler)
    paths = {
        f"/restate/call/{name}": {
            "post": {**words, "operationId": handler.name, "parameters": called_with, **body, **_answers(handler)}
        },
        f"/restate/send/{name}": {
            "post": {
                **words,
                "operationId": f"{handler.name}Send",
                "tags": ["Send"],
                "parameters": [*called_with, _DELAY],
                **body,
                "responses": {"202": {"$ref": "#/components/responses/Send"}, **_errors()},
            }
        },
    }
    named_by = keyed if is_run else [*keyed, _IDEMPOTENCY_KEY_IN_PATH]
    base = f"/restate/workflow/{service.name}/{{key}}" if is_run else f"/restate/invocation/{name}/{{idempotencyKey}}"
    for verb, tag in (("attach", "Attach"), ("output", "Get Output")):
        result = {**words, "operationId": handler.name + verb.capitalize(), "tags": [tag], "parameters": named_by}
        paths[f"{base}/{verb}"] = {"get": {**result, **_answers(handler, verb=verb)}}
    return paths


def _words(handler: HandlerSpec) -> dict[str, str]:
    words = {"summary": handler.name}
    return words | {"description": handler.documentation} if handler.documentation else words


def _request_body(handler: HandlerSpec) -> dict[str, Any]:
    spec = handler.input
    if spec is not None and spec.content_type is None and spec.json_schema is None and not spec.required:
        return {}
    content_type = (spec.content_type if spec is not None else None) or "*/*"
    schema = {"$ref": f"#/components/schemas/{handler.name}Request"}
    return {
        "requestBody": {
            "required": bool(spec is not None and spec.required),
            "content": {content_type: {"schema": schema}},
        }
    }


def _answers(handler: HandlerSpec, *, verb: str | None = None) -> dict[str, Any]:
    spec = handler.output
    content_type = _ANY_JSON if spec is None else spec.content_type
    good: dict[str, Any] = {"description": "What the handler returned" if content_type else "Empty"}
    if content_type:
        good["content"] = {content_type: {"schema": {"$ref": f"#/components/schemas/{handler.name}Response"}}}
    missing = {"404": {"$ref": "#/components/responses/InvocationNotFoundError"}} if verb else {}
    early = {"470": {"$ref": "#/components/responses/InvocationNotReadyError"}} if verb == "output" else {}
    return {"responses": {"200": good, **missing, **early, **_errors()}}


def _errors() -> Mapping[str, Any]:
    return {"default": {"$ref": "#/components/responses/GenericError"}}


def _handler_schemas(handler: HandlerSpec) -> dict[str, Any]:
    # A schema's own references are relative to where it stands, so it is named as a document of its own.
    found: dict[str, Any] = {}
    for side, spec in (("Request", handler.input), ("Response", handler.output)):
        schema = spec.json_schema if spec is not None else None
        found[handler.name + side] = _standing_alone(schema, handler.name + side) if schema is not None else {}
    return found


def _standing_alone(schema: object, name: str) -> object:
    """Return a schema whose references to its own parts still lead there from within the document."""
    match schema:
        case dict():
            moved = {key: _standing_alone(value, name) for key, value in schema.items()}
            reference = moved.get("$ref")
            if isinstance(reference, str) and reference.startswith("#"):
                moved["$ref"] = f"#/components/schemas/{name}{reference.removeprefix('#')}"
            return moved
        case list():
            return [_standing_alone(value, name) for value in schema]
        case _:
            return schema
