"""JSON schemas of type hints, for manifests and the OpenAPI documents made from them."""

from __future__ import annotations

import re
import types
import typing
from collections import abc
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

from holdfast._hints import bare_hint, class_hints, is_msgspec_struct, is_named_tuple, is_pydantic_model, required_keys
from holdfast.errors import SerdeError

Schema = dict[str, Any] | bool

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_ARRAYS = (list, tuple, set, frozenset, abc.Sequence, abc.Iterable, abc.Set, abc.Collection)
_OBJECTS = (dict, abc.Mapping, abc.MutableMapping)
_FORMATS = {
    ("datetime", "datetime"): "date-time",
    ("datetime", "date"): "date",
    ("datetime", "time"): "time",
    ("uuid", "UUID"): "uuid",
    ("decimal", "Decimal"): None,
}
_REF_PREFIX = "#/$defs/"


def json_schema_for(hint: Any) -> Schema:
    """Return the JSON schema of a type hint; True, which accepts anything, where there is none to give."""
    definitions = _Definitions()
    try:
        schema = definitions.schema(hint)
    except (TypeError, ValueError, RuntimeError, SerdeError):
        # A model may be impossible to describe and yet fine to read: pydantic and msgspec raise these for it.
        return True
    return definitions.assembled(schema)


class _Definitions:
    """The named parts of one schema while it is being built."""

    def __init__(self) -> None:
        self._schema_by_name: dict[str, dict[str, Any]] = {}
        self._class_by_name: dict[str, Any] = {}

    def assembled(self, schema: Schema) -> Schema:
        """Return the schema with the parts it refers to; a part that only the root names takes the root's place."""
        if not self._schema_by_name or isinstance(schema, bool):
            return schema
        reference = schema.get("$ref", "")
        name = reference.removeprefix(_REF_PREFIX)
        if name in self._schema_by_name and not _mentions(self._schema_by_name, reference):
            schema = self._schema_by_name.pop(name)
        return dict(schema, **{"$defs": self._schema_by_name}) if self._schema_by_name else schema

    def schema(self, hint: Any) -> Schema:
        """Return the schema of a hint, collecting the classes it names."""
        hint = bare_hint(hint)
        if hint is None or hint is type(None):
            return {"type": "null"}
        origin, args = typing.get_origin(hint) or hint, typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.schema(arg) for arg in args]}
        if origin is typing.Literal:
            return {"enum": [arg.value if isinstance(arg, Enum) else arg for arg in args]}
        return self._class(origin, args) if isinstance(origin, type) else True

    def _class(self, made: Any, args: tuple[Any, ...]) -> Schema:
        if made in _SCALARS:
            return {"type": _SCALARS[made]}
        if (made.__module__, made.__name__) in _FORMATS:
            text_format = _FORMATS[made.__module__, made.__name__]
            return {"type": "string", "format": text_format} if text_format else {"type": "string"}
        if is_pydantic_model(made):
            return self._adopted(made.model_json_schema(mode="serialization"))
        if is_msgspec_struct(made):
            import msgspec

            return self._adopted(msgspec.json.schema(made))
        if is_dataclass(made) or typing.is_typeddict(made):
            return self._named(made)
        if issubclass(made, Enum):
            return {"enum": [member.value for member in made]}
        return self._container(made, args)

    def _container(self, made: Any, args: tuple[Any, ...]) -> Schema:
        if is_named_tuple(made):
            hints = class_hints(made)
            return _fixed_array([self.schema(hints.get(name, Any)) for name in made._fields])
        if made is tuple and args and args[-1] is not Ellipsis:
            return _fixed_array([self.schema(arg) for arg in args])
        if made in _ARRAYS:
            return {"type": "array", "items": self.schema(args[0]) if args else True}
        if made in _OBJECTS:
            values = self.schema(args[1]) if len(args) == 2 else True
            return {"type": "object"} if values is True else {"type": "object", "additionalProperties": values}
        return True

    def _named(self, made: Any) -> Schema:
        name = self._name_of(made)
        if name not in self._schema_by_name:
            self._schema_by_name[name] = {}  # stands in for itself where the class is recursive
            hints = class_hints(made)
            if is_dataclass(made):
                required = [
                    field.name
                    for field in fields(made)
                    if field.init and field.default is MISSING and field.default_factory is MISSING
                ]
                names = [field.name for field in fields(made) if field.init]
            else:
                required, names = required_keys(made, hints), list(hints)
            self._schema_by_name[name] = {
                "type": "object",
                "title": made.__name__,
                "properties": {each: self.schema(hints[each]) for each in names},
                **({"required": required} if required else {}),
            }
        return {"$ref": _REF_PREFIX + name}

    def _name_of(self, made: Any) -> str:
        name: str = made.__name__
        if self._class_by_name.setdefault(name, made) is not made:
            name = re.sub(r"\W+", "_", f"{made.__module__}.{made.__qualname__}")
        return name

    def _adopted(self, schema: dict[str, Any]) -> Schema:
        self._schema_by_name.update(schema.pop("$defs", {}))
        return schema


def _fixed_array(items: list[Schema]) -> Schema:
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _mentions(schema: Any, reference: str) -> bool:
    if isinstance(schema, dict):
        return any(value == reference or _mentions(value, reference) for value in schema.values())
    return isinstance(schema, list) and any(_mentions(value, reference) for value in schema)
