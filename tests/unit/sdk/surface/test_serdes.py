"""Serdes: absence, bytes, models, and which serde a type hint picks."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pydantic
import pytest

import holdfast
from holdfast._serde import serde_for, strict_serde_for


class Model(pydantic.BaseModel):
    amount: int


class Struct(msgspec.Struct):
    amount: int


@dataclasses.dataclass
class Data:
    amount: int


SERDES: list[holdfast.Serde[Any]] = [
    holdfast.JsonSerde(),
    holdfast.DefaultSerde(),
    holdfast.DefaultSerde(Data),
    holdfast.DefaultSerde(Model),
    holdfast.DefaultSerde(Struct),
    holdfast.TypedJsonSerde(Data),
    holdfast.PydanticJsonSerde(Model),
    holdfast.MsgspecJsonSerde(Struct),
]


@pytest.mark.parametrize("serde", SERDES, ids=lambda serde: f"{type(serde).__name__}-{vars(serde)}")
def test_none_is_no_bytes(serde: holdfast.Serde[Any]) -> None:
    """Absence is the empty byte string for every JSON serde, both ways."""
    assert serde.serialize(None) == b""
    assert serde.deserialize(b"") is None


def test_bytes_stay_bytes() -> None:
    """Bytes pass unchanged, None is no bytes, and anything else is refused rather than guessed at."""
    serde = holdfast.BytesSerde()
    assert serde.serialize(b"\x00\xff") == b"\x00\xff"
    assert serde.serialize(bytearray(b"a")) == b"a"  # type: ignore[arg-type]  # buffers are taken as well
    assert serde.serialize(None) == b""
    assert serde.deserialize(b"") == b""
    with pytest.raises(holdfast.SerdeError, match="expected bytes, got a value of type int"):
        serde.serialize(5)  # type: ignore[arg-type]  # the point of it


@pytest.mark.parametrize(
    ("hint", "value", "written"),
    [
        (Model, Model(amount=1), b'{"amount":1}'),
        (Struct, Struct(1), b'{"amount":1}'),
        (Data, Data(1), b'{"amount": 1}'),
        (bytes, b"raw", b"raw"),
        (list[Model], [Model(amount=1)], b'[{"amount": 1}]'),
    ],
)
@pytest.mark.parametrize("pick", [serde_for, strict_serde_for])
def test_the_type_hint_picks_the_serde(pick: Any, hint: Any, value: Any, written: bytes) -> None:
    """Models, structs, dataclasses, bytes and containers of them are written and read back as themselves."""
    serde = pick(hint)
    assert serde.serialize(value) == written
    assert serde.deserialize(written) == value


def test_no_hint_means_plain_json() -> None:
    """Without a type hint a value is written as JSON and read back as plain JSON values."""
    assert serde_for().serialize({"a": [1, "b"]}) == b'{"a": [1, "b"]}'
    assert serde_for().deserialize(b'{"a": [1, "b"]}') == {"a": [1, "b"]}


def test_plain_hints_are_checked_for_inputs_only() -> None:
    """State and step results under a loose annotation stay readable; a handler's input must fit."""
    assert serde_for(int).deserialize(b'"text"') == "text"
    assert serde_for(dict[str, list[int]]).deserialize(b"[]") == []
    with pytest.raises(holdfast.SerdeError):
        strict_serde_for(int).deserialize(b'"text"')


def test_a_model_serde_validates_what_it_writes() -> None:
    """A plain value under a model's hint is validated into the model, or refused."""
    serde: holdfast.Serde[Any] = holdfast.PydanticJsonSerde(Model)
    assert serde.serialize({"amount": 2}) == b'{"amount":2}'
    with pytest.raises(holdfast.SerdeError, match="amount: Input should be a valid integer"):
        serde.serialize({"amount": "many"})


def test_a_default_serde_can_be_retargeted() -> None:
    """`with_maybe_type` returns another serde and leaves the first as it is."""
    plain: holdfast.DefaultSerde[Any] = holdfast.DefaultSerde()
    typed = plain.with_maybe_type(Data)
    assert typed.deserialize(b'{"amount": 1}') == Data(1)
    assert plain.deserialize(b'{"amount": 1}') == {"amount": 1}
    assert (plain.type_hint, typed.type_hint) == (None, Data)
