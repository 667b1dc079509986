"""A value that fits a JSON schema, for the curl line a newcomer pastes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Deeper than a person would read on one line, and an end for schemas that contain themselves.
_DEPTH_MAX = 5

_BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}
_BY_FORMAT = {
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT10S",
    "email": "ada@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com",
}


def example_of(schema: object) -> Any:
    """Return a small value that fits the schema, as far as its common keywords say."""
    return _example(schema, schema, _DEPTH_MAX)


def _example(schema: object, root: object, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth == 0:
        return None
    for keyword in ("const", "default"):
        if schema.get(keyword) is not None:
            return schema[keyword]
    for keyword in ("examples", "enum"):
        if schema.get(keyword):
            return schema[keyword][0]
    if "$ref" in schema:
        return _example(_resolved(str(schema["$ref"]), root), root, depth - 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _example(schema[keyword][0], root, depth - 1)
    return _by_type(schema, root, depth)


def _by_type(schema: Mapping[str, Any], root: object, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    match kind:
        case "object":
            properties = schema.get("properties", {})
            wanted = schema.get("required") or list(properties)[:3]
            return {name: _example(properties.get(name), root, depth - 1) for name in wanted}
        case "array":
            items = schema.get("prefixItems") or [schema.get("items")]
            return [_example(item, root, depth - 1) for item in items if isinstance(item, Mapping)]
        case "string":
            text = _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE["string"])
            return text.ljust(schema.get("minLength", 0), "t")[: schema.get("maxLength")]
        case "integer" | "number":
            return max(_BY_TYPE[kind], schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case _:
            return _BY_TYPE.get(str(kind))


def _resolved(reference: str, root: object) -> object:
    place = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if not isinstance(place, Mapping):
            return None
        place = place.get(part.replace("~1", "/").replace("~0", "~"))
    return place
