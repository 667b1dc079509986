"""Serdes: how values become bytes in the journal and on the wire, and come back."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar, cast

from holdfast._conversions import pydantic_model, pydantic_problem
from holdfast._hints import is_msgspec_struct, is_pydantic_model
from holdfast._typed_json import converter_for, to_json_value
from holdfast.errors import SerdeError

T = TypeVar("T")

_encode_json = json.JSONEncoder(default=to_json_value).encode


class Serde(ABC, Generic[T]):
    """How values of one type become bytes and come back.

    None is always the empty byte string: absence, not JSON's `null`.

    Example:
        >>> import holdfast
        >>> class Upper(holdfast.Serde[str]):
        ...     def serialize(self, obj):
        ...         return b"" if obj is None else obj.upper().encode()
        ...     def deserialize(self, buf):
        ...         return buf.decode() if buf else None
        >>> Upper().serialize("hello")
        b'HELLO'
    """

    @abstractmethod
    def deserialize(self, buf: bytes) -> T | None:
        """Return the value these bytes stand for."""

    @abstractmethod
    def serialize(self, obj: T | None) -> bytes:
        """Return the bytes that stand for this value."""


class BytesSerde(Serde[bytes]):
    """Bytes as they are.

    Example:
        >>> import holdfast
        >>> holdfast.BytesSerde().deserialize(b"raw")
        b'raw'
    """

    def deserialize(self, buf: bytes) -> bytes | None:
        """Return the bytes unchanged."""
        return buf

    def serialize(self, obj: bytes | None) -> bytes:
        """Return the bytes unchanged; None becomes no bytes."""
        if obj is None:
            return b""
        if not isinstance(obj, (bytes, bytearray, memoryview)):
            raise SerdeError(f"expected bytes, got a value of type {type(obj).__qualname__}")
        return bytes(obj)


class JsonSerde(Serde[T]):
    """Plain JSON, with no conversion and no check of types on the way in.

    Example:
        >>> import holdfast
        >>> holdfast.JsonSerde().deserialize(b'{"a": 1}')
        {'a': 1}
    """

    def deserialize(self, buf: bytes) -> T | None:
        """Return what the JSON says, or None for no bytes."""
        return cast("T", json.loads(buf)) if buf else None

    def serialize(self, obj: T | None) -> bytes:
        """Return the value as JSON; None becomes no bytes."""
        return b"" if obj is None else _encode_json(obj).encode()


class TypedJsonSerde(Serde[T]):
    """JSON that must fit a type hint: builtins, containers, unions, enums, dataclasses, models, nested at will.

    Example:
        >>> import holdfast
        >>> holdfast.TypedJsonSerde(dict[str, int]).deserialize(b'{"a": 1}')
        {'a': 1}
    """

    __slots__ = ("_convert", "type_hint")

    def __init__(self, type_hint: Any) -> None:
        """Compile the conversion for a type hint."""
        self.type_hint = type_hint
        self._convert = converter_for(type_hint).convert

    def deserialize(self, buf: bytes) -> T | None:
        """Return the value, converted to the type hint.

        Raises:
            SerdeError: the JSON does not fit; the message names the place inside the value.
        """
        return cast("T", self._convert(json.loads(buf))) if buf else None

    def serialize(self, obj: T | None) -> bytes:
        """Return the value as JSON; None becomes no bytes."""
        return b"" if obj is None else _encode_json(obj).encode()


class PydanticJsonSerde(Serde[T]):
    """Pydantic models as JSON, validated on the way in.

    Example:
        >>> import holdfast, pydantic
        >>> class Item(pydantic.BaseModel):
        ...     amount: int
        >>> holdfast.PydanticJsonSerde(Item).serialize(Item(amount=2))
        b'{"amount":2}'
    """

    def __init__(self, model: Any) -> None:
        """Take the model class."""
        self.model = model

    def deserialize(self, buf: bytes) -> T | None:
        """Return the validated model, or None for no bytes.

        Raises:
            SerdeError: the bytes are not a valid model; the message names the fields.
        """
        if not buf:
            return None
        try:
            return cast("T", self.model.model_validate_json(buf))
        except ValueError as error:
            raise SerdeError(pydantic_problem(error)) from error

    def serialize(self, obj: T | None) -> bytes:
        """Return the model as JSON; a plain value is validated into the model first."""
        if obj is None:
            return b""
        model = obj if isinstance(obj, self.model) else pydantic_model(self.model)(obj)
        return cast("str", model.model_dump_json()).encode()


class MsgspecJsonSerde(Serde[T]):
    """Msgspec structs as JSON, validated on the way in.

    Example:
        >>> import holdfast, msgspec
        >>> class Item(msgspec.Struct):
        ...     amount: int
        >>> holdfast.MsgspecJsonSerde(Item).serialize(Item(amount=2))
        b'{"amount":2}'
    """

    def __init__(self, model: Any) -> None:
        """Take the struct class."""
        self.model = model

    def deserialize(self, buf: bytes) -> T | None:
        """Return the validated struct, or None for no bytes."""
        import msgspec

        return cast("T", msgspec.json.decode(buf, type=self.model)) if buf else None

    def serialize(self, obj: T | None) -> bytes:
        """Return the struct as JSON; None becomes no bytes."""
        import msgspec

        return b"" if obj is None else msgspec.json.encode(obj)


class DefaultSerde(Serde[T]):
    """JSON that reads back whatever the type hint names, and plain JSON values without one.

    Hints of plain builtins are not checked, so state and step results written under a looser annotation stay
    readable; handler inputs are checked.

    Example:
        >>> import dataclasses, holdfast
        >>> @dataclasses.dataclass
        ... class Item:
        ...     amount: int
        >>> holdfast.DefaultSerde(Item).deserialize(b'{"amount": 2}')
        Item(amount=2)
    """

    __slots__ = ("_serde", "type_hint")

    def __init__(self, type_hint: Any = None) -> None:
        """Take the type hint to read values back as."""
        self.type_hint = type_hint
        self._serde: Serde[T] = serde_for(type_hint)

    def with_maybe_type(self, type_hint: Any = None) -> DefaultSerde[T]:
        """Return a serde like this one for another type hint."""
        return DefaultSerde(type_hint)

    def deserialize(self, buf: bytes) -> T | None:
        """Return the value these bytes stand for."""
        return self._serde.deserialize(buf)

    def serialize(self, obj: T | None) -> bytes:
        """Return the bytes that stand for this value."""
        return self._serde.serialize(obj)


_JSON: Serde[Any] = JsonSerde()


def serde_for(type_hint: Any = None) -> Serde[Any]:
    """Return the serde of state, results of steps and calls, and outputs; without a type hint it is plain JSON."""
    if type_hint is None:
        return _JSON
    serde = _model_serde(type_hint)
    if serde is not None:
        return serde
    return _JSON if converter_for(type_hint).is_plain else TypedJsonSerde(type_hint)


def strict_serde_for(type_hint: Any) -> Serde[Any]:
    """Return the serde of a handler's input with this type hint; builtins are checked as well."""
    return _model_serde(type_hint) or TypedJsonSerde(type_hint)


def _model_serde(type_hint: Any) -> Serde[Any] | None:
    if type_hint is bytes:
        return BytesSerde()
    if is_pydantic_model(type_hint):
        return PydanticJsonSerde(type_hint)
    if is_msgspec_struct(type_hint):
        return MsgspecJsonSerde(type_hint)
    return None


__all__ = [
    "BytesSerde",
    "DefaultSerde",
    "JsonSerde",
    "MsgspecJsonSerde",
    "PydanticJsonSerde",
    "Serde",
    "SerdeError",
    "TypedJsonSerde",
    "serde_for",
    "strict_serde_for",
]
