"""Typed JSON: every type hint reads what fits, writes what it reads, and says what does not fit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pydantic
import pytest

import holdfast


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Item:
    id: str
    amount: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    items: list[Item]
    paid_at: dt.datetime | None = None
    tags: frozenset[str] = frozenset()
    total: float = dataclasses.field(init=False, default=0.0)


@dataclasses.dataclass
class Tree:
    name: str
    children: list[Tree] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value <= 0:
            raise ValueError("value must be positive")


class Point(NamedTuple):
    x: int
    y: int


class Options(TypedDict):
    name: str
    limit: NotRequired[int]


class Model(pydantic.BaseModel):
    amount: int


class Struct(msgspec.Struct):
    amount: int


UserId = typing.NewType("UserId", str)

FITTING: list[tuple[Any, Any]] = [
    (str, "text"),
    (int, 7),
    (float, 1.5),
    (bool, True),
    (None, None),
    (Any, {"a": [1, None]}),
    (list[int], [1, 2]),
    (Sequence[str], ["a"]),
    (tuple[int, ...], (1, 2)),
    (tuple[int, str], (1, "a")),
    (set[int], {1, 2}),
    (dict[str, float], {"a": 1.0}),
    (Mapping[str, Item], {"a": Item("x")}),
    (dict[int, str], {1: "a", -2: "b"}),
    (int | None, None),
    (int | None, 3),
    (Item | Tree, Tree("root")),
    (Literal["a", 1], 1),
    (Annotated[int, ["unhashable"]], 1),
    (UserId, "u-1"),
    (Colour, Colour.BLUE),
    (Level, Level.LOW),
    (Item, Item("x", 2)),
    (
        Order,
        Order(items=[Item("x")], paid_at=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), tags=frozenset({"b", "a"})),
    ),
    (Tree, Tree("root", [Tree("leaf")])),
    (Point, Point(1, 2)),
    (Options, {"name": "n", "limit": 3}),
    (list[Model], [Model(amount=1)]),
    (Model | None, None),
    (dict[str, Struct], {"a": Struct(1)}),
    (uuid.UUID, uuid.UUID(int=5)),
    (decimal.Decimal, decimal.Decimal("1.10")),
    (dt.date, dt.date(2026, 1, 2)),
    (dt.time, dt.time(1, 2)),
]


@pytest.mark.parametrize(("hint", "value"), FITTING, ids=lambda each: str(each)[:40])
def test_what_is_written_reads_back(hint: Any, value: Any) -> None:
    """A value of a hint's type survives the way to bytes and back."""
    serde: holdfast.Serde[Any] = holdfast.TypedJsonSerde(hint)
    assert serde.deserialize(serde.serialize(value)) == value


@pytest.mark.parametrize(
    ("hint", "text", "problem"),
    [
        (str, "5", "expected text, got 5"),
        (int, '"5"', "expected a whole number, got '5'"),
        (int, "true", "expected a whole number, got True"),
        (int, "1.5", "expected a whole number, got 1.5"),
        (float, "true", "expected a number, got True"),
        (float, "null", "expected a number, got None"),
        (bool, "1", "expected true or false, got 1"),
        (None, "1", "expected null, got 1"),
        (list[int], "[1, 2, true]", "[2]: expected a whole number, got True"),
        (list[int], "{}", "expected a list, got {}"),
        (tuple[int, str], "[1]", "expected a list of 2, got [1]"),
        (dict[str, int], '{"a": "b"}', "a: expected a whole number, got 'b'"),
        (dict[int, int], '{"a": 1}', "a: expected a whole number, got 'a'"),
        (dict[str, int], "[]", "expected an object, got []"),
        (int | str, "[]", "expected a whole number, got []; or expected text, got []"),
        (Literal["a", "b"], '"c"', "expected one of 'a', 'b', got 'c'"),
        (Literal[1], "true", "expected one of 1, got True"),
        (Colour, '"green"', "expected one of 'red', 'blue', got 'green'"),
        (Item, "[]", "expected an object (Item), got []"),
        (Item, "{}", "the field 'id' of Item is missing"),
        (Order, '{"items": [{"id": "a"}, {"id": 7}]}', "items[1].id: expected text, got 7"),
        (Order, '{"items": [], "paid_at": "soon"}', "paid_at: expected a datetime as text, got 'soon'"),
        (Positive, '{"value": 0}', "Positive refuses these values: value must be positive"),
        (Point, "[1]", "expected a list of 2, got [1]"),
        (Options, '{"limit": 1}', "the field 'name' is missing"),
        (Options, '{"name": "a", "limit": "b"}', "limit: expected a whole number, got 'b'"),
        (Options, "[]", "expected an object, got []"),
        (uuid.UUID, '"x"', "expected a UUID as text, got 'x'"),
        (decimal.Decimal, '"x"', "expected a Decimal as text, got 'x'"),
        (list[Model], '[{"amount": "x"}]', "[0]: amount: Input should be a valid integer"),
        (list[Struct], '[{"amount": "x"}]', "[0]: Expected `int`, got `str`"),
        (str, f"[{'0,' * 90}0]", "..."),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(hint: Any, text: str, problem: str) -> None:
    """A misfit says where in the value it is, what was wanted and what was there."""
    with pytest.raises(holdfast.SerdeError) as raised:
        holdfast.TypedJsonSerde(hint).deserialize(text.encode())
    assert problem in str(raised.value)


def test_numbers_are_read_as_other_languages_write_them() -> None:
    """A whole number written as 5.0 is an int, and an int where a float is wanted becomes one."""
    assert holdfast.TypedJsonSerde(int).deserialize(b"5.0") == 5
    assert isinstance(holdfast.TypedJsonSerde(float).deserialize(b"5"), float)


def test_unknown_fields_are_ignored() -> None:
    """A newer caller may send fields that an older handler does not know."""
    assert holdfast.TypedJsonSerde(Item).deserialize(b'{"id": "a", "colour": "red"}') == Item("a")


def test_a_set_is_written_in_one_order() -> None:
    """Sets have another order in every process, and a replay compares bytes."""
    serde: holdfast.Serde[Any] = holdfast.TypedJsonSerde(set[str])
    assert serde.serialize({"c", "a", "b"}) == b'["a", "b", "c"]'
    assert serde.serialize({"a", 1}) == b'["a", 1]'


def test_a_hint_nobody_knows_accepts_anything() -> None:
    """A class that says nothing about JSON gets the plain value, as it would without a type hint."""

    class Opaque: ...

    assert holdfast.TypedJsonSerde(Opaque).deserialize(b'{"a": 1}') == {"a": 1}


def test_unresolvable_field_types_are_explained() -> None:
    """A dataclass whose annotations are not visible from its module says what to do about it."""

    class Local: ...

    @dataclasses.dataclass
    class Holder:
        value: Local

    with pytest.raises(holdfast.SerdeError, match="define the types they name at module level"):
        holdfast.TypedJsonSerde(Holder).deserialize(b'{"value": 1}')


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}.__iter__()], ids=["object", "bytes", "iterator"])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    """A value without a JSON form is refused by the name of its type."""
    serde: holdfast.Serde[Any] = holdfast.JsonSerde()
    with pytest.raises(TypeError, match=f"a value of type {type(value).__qualname__} has no JSON form"):
        serde.serialize([value])
