"""JSON schemas: each type hint has one, models bring their own, and what cannot be described accepts anything."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pydantic
import pytest

from holdfast._json_schema import json_schema_for


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Item:
    id: str
    amount: int = 1


@dataclasses.dataclass
class Order:
    items: list[Item]
    note: str | None = None


@dataclasses.dataclass
class Tree:
    children: list[Tree]


class Options(TypedDict):
    name: str
    limit: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: float


class Model(pydantic.BaseModel):
    item: Item


class Indescribable(pydantic.BaseModel):
    call: Callable[[int], int]


class Struct(msgspec.Struct):
    amount: int


ITEM = {
    "type": "object",
    "title": "Item",
    "properties": {"id": {"type": "string"}, "amount": {"type": "integer"}},
    "required": ["id"],
}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, True),
        (object, True),
        (list, {"type": "array", "items": True}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (set[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        (
            Point,
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number"}], "minItems": 2, "maxItems": 2},
        ),
        (dict, {"type": "object"}),
        (dict[str, Any], {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Colour, {"enum": ["red"]}),
        (dt.datetime, {"type": "string", "format": "date-time"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (decimal.Decimal, {"type": "string"}),
        (Item, ITEM),
        (
            Options,
            {
                "type": "object",
                "title": "Options",
                "properties": {"name": {"type": "string"}, "limit": {"type": "integer"}},
                "required": ["name"],
            },
        ),
        (
            Order,
            {
                "type": "object",
                "title": "Order",
                "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["items"],
                "$defs": {"Item": ITEM},
            },
        ),
        (list[Item], {"type": "array", "items": {"$ref": "#/$defs/Item"}, "$defs": {"Item": ITEM}}),
        (
            Struct,
            {
                "type": "object",
                "title": "Struct",
                "properties": {"amount": {"type": "integer"}},
                "required": ["amount"],
            },
        ),
        (Model, Model.model_json_schema(mode="serialization")),
        (Indescribable, True),
    ],
    ids=lambda each: str(each)[:40],
)
def test_schema(hint: Any, schema: Any) -> None:
    """A type hint has the JSON schema of what its serde reads and writes."""
    assert json_schema_for(hint) == schema


def test_a_recursive_class_refers_to_itself() -> None:
    """Recursion ends in a reference, and the definition stays where the reference points."""
    schema = json_schema_for(Tree)
    assert isinstance(schema, dict)
    assert schema["$ref"] == "#/$defs/Tree"
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_classes_of_one_name_are_kept_apart() -> None:
    """Two classes that share a name get two definitions."""

    def other() -> Any:
        return dataclasses.make_dataclass("Item", [("colour", str)])

    schema = json_schema_for(tuple[Item, other()])  # type: ignore[misc]  # made at run time, unlike other classes
    assert isinstance(schema, dict)
    assert len(schema["$defs"]) == 2


def test_a_model_nested_in_a_container_brings_its_parts() -> None:
    """The definitions of a nested model end up at the root, where its references point."""
    schema = json_schema_for(list[Model])
    assert isinstance(schema, dict)
    assert set(schema["$defs"]) == {"Item"}
    assert schema["items"]["properties"]["item"] == {"$ref": "#/$defs/Item"}
