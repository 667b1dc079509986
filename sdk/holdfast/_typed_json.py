"""Typed JSON: which conversion a type hint asks for, and how values that JSON does not know are written."""

from __future__ import annotations

import types
import typing
from collections import abc
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from holdfast import _conversions as to
from holdfast._conversions import Convert, Mismatch, convert_at, expected
from holdfast._hints import bare_hint, class_hints, is_msgspec_struct, is_named_tuple, is_pydantic_model, required_keys
from holdfast.errors import SerdeError

_LISTS = frozenset({list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection})
_COLLECTIONS: dict[type, Callable[..., Any]] = {tuple: tuple, set: set, frozenset: frozenset, abc.Set: frozenset}
_MAPPINGS = frozenset({dict, abc.Mapping, abc.MutableMapping})
_SCALARS: dict[type, Convert] = {str: to.text, bool: to.boolean, int: to.integer, float: to.number}
# By name, because naming the classes would import their modules for everybody.
_WRITTEN_AS_TEXT = {
    ("datetime", "datetime"): "fromisoformat",
    ("datetime", "date"): "fromisoformat",
    ("datetime", "time"): "fromisoformat",
    ("decimal", "Decimal"): "",
    ("uuid", "UUID"): "",
}


@dataclass(frozen=True, slots=True)
class Converter:
    """How to read a parsed JSON value as one type hint.

    `is_plain` says that a fitting value is already what the hint asks for, so that reading it needs no conversion.
    """

    convert: Convert
    is_plain: bool = False


_ANYTHING = Converter(to.same, is_plain=True)


def converter_for(hint: Any) -> Converter:
    """Return the converter of a type hint; a hint this module knows nothing about accepts any value."""
    try:
        return _cached_converter_for(hint)
    except TypeError:  # an unhashable hint, such as Annotated with a list in it
        return _compile(hint)


def fits(value: Any, hint: Any) -> bool:
    """Say whether a parsed JSON value can be read as a type hint."""
    try:
        converter_for(hint).convert(value)
    except SerdeError:
        return False
    return True


@lru_cache(maxsize=1024)
def _cached_converter_for(hint: Any) -> Converter:
    return _compile(hint)


def _compile(hint: Any) -> Converter:
    hint = bare_hint(hint)
    if hint is None or hint is type(None):
        return Converter(to.none, is_plain=True)
    origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        members = [converter_for(arg) for arg in args]
        return Converter(
            to.first_that_fits([member.convert for member in members]),
            is_plain=all(member.is_plain for member in members),
        )
    if origin is typing.Literal:
        return Converter(to.literal(args), is_plain=not any(isinstance(arg, Enum) for arg in args))
    if not isinstance(origin, type):
        return _ANYTHING
    if origin in _SCALARS:
        return Converter(_SCALARS[origin], is_plain=True)
    convert = _class(origin)
    return Converter(convert) if convert is not None else _container(origin, args)


def _class(made: Any) -> Convert | None:
    written_as_text = _WRITTEN_AS_TEXT.get((made.__module__, made.__name__))
    if written_as_text is not None:
        return to.from_text(made.__name__, getattr(made, written_as_text, made))
    if typing.is_typeddict(made):
        return _typed_dict(made)
    if is_dataclass(made):
        return _data_class(made)
    if is_pydantic_model(made):
        return to.pydantic_model(made)
    if is_msgspec_struct(made):
        return to.msgspec_struct(made)
    if issubclass(made, Enum):
        return to.enumeration(made)
    return _named_tuple(made) if is_named_tuple(made) else None


def _container(origin: type, args: tuple[Any, ...]) -> Converter:
    if origin is tuple and args and args[-1] is not Ellipsis:
        return Converter(to.fixed_tuple([converter_for(arg).convert for arg in args]))
    item = converter_for(args[0]) if args else _ANYTHING
    if origin in _LISTS:
        return Converter(to.sequence(list, item.convert), is_plain=item.is_plain)
    if origin in _COLLECTIONS:
        return Converter(to.sequence(_COLLECTIONS[origin], item.convert))
    if origin in _MAPPINGS:
        value = converter_for(args[1]) if len(args) == 2 else _ANYTHING
        has_text_keys = item is _ANYTHING or item.convert is to.text
        return Converter(
            to.mapping(None if has_text_keys else item.convert, value.convert),
            is_plain=has_text_keys and value.is_plain,
        )
    return _ANYTHING


def _named_tuple(made: Any) -> Convert:
    def convert(value: Any) -> Any:
        hints = class_hints(made)
        places = [converter_for(hints.get(name, Any)).convert for name in made._fields]
        return made._make(to.fixed_tuple(places)(value))

    return convert


def _typed_dict(made: Any) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise expected("an object", value)
        hints = class_hints(made)
        for name in required_keys(made, hints):
            if name not in value:
                raise Mismatch(f"the field {name!r} is missing")
        return {
            name: convert_at(f".{name}", converter_for(hints[name]).convert, element) if name in hints else element
            for name, element in value.items()
        }

    return convert


def _data_class(made: Any) -> Convert:
    # Resolved at the first value, not here: a class may refer to itself, or to one that is defined below it.
    plan: list[tuple[Field[Any], Convert]] = []

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise expected(f"an object ({made.__name__})", value)
        if not plan:
            hints = class_hints(made)
            plan.extend((field, converter_for(hints[field.name]).convert) for field in fields(made) if field.init)
        arguments = {}
        for field, read in plan:
            if field.name in value:
                arguments[field.name] = convert_at(f".{field.name}", read, value[field.name])
            elif field.default is MISSING and field.default_factory is MISSING:
                raise Mismatch(f"the field {field.name!r} of {made.__name__} is missing")
        return _construct(made, arguments)

    return convert


def _construct(made: Any, arguments: dict[str, Any]) -> Any:
    try:
        return made(**arguments)
    except (ValueError, TypeError) as error:
        raise Mismatch(f"{made.__name__} refuses these values: {error}") from error


def to_json_value(value: Any) -> Any:
    """Return what stands for a value that JSON does not know; the encoder asks for each such part of a value.

    Raises:
        TypeError: nothing does.
    """
    made: Any = type(value)
    if is_dataclass(made):
        return {field.name: getattr(value, field.name) for field in fields(made)}
    if is_pydantic_model(made):
        return value.model_dump(mode="json")
    if is_msgspec_struct(made):
        import msgspec

        return msgspec.to_builtins(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, abc.Set):
        return _in_stable_order(value)
    if isinstance(value, abc.Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    if isinstance(value, abc.Mapping):
        return dict(value)
    if (made.__module__, made.__name__) in _WRITTEN_AS_TEXT:
        return value.isoformat() if made.__module__ == "datetime" else str(value)
    raise TypeError(f"a value of type {made.__qualname__} has no JSON form")


def _in_stable_order(values: abc.Set[Any]) -> list[Any]:
    """Order a set, because its own order differs between processes and a replay compares bytes."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)
