"""Type hints: recognising what they name, without importing any optional library."""

from __future__ import annotations

import sys
import typing
from typing import Any

from holdfast.errors import SerdeError


def is_pydantic_model(hint: Any) -> bool:
    """Say whether this is a pydantic model class."""
    main = sys.modules.get("pydantic.main")
    return main is not None and isinstance(hint, type) and issubclass(hint, main.BaseModel)


def is_msgspec_struct(hint: Any) -> bool:
    """Say whether this is a msgspec struct class."""
    msgspec = sys.modules.get("msgspec")
    return msgspec is not None and isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def is_named_tuple(hint: Any) -> bool:
    """Say whether this is a class made by NamedTuple."""
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def bare_hint(hint: Any) -> Any:
    """Return a hint without the wrappers that say nothing about the value: Annotated, NewType, aliases, Required."""
    while True:
        if typing.get_origin(hint) in (typing.Annotated, typing.Required, typing.NotRequired):
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        else:
            return hint


def class_hints(owner: type) -> dict[str, Any]:
    """Return the resolved annotations of a class.

    Raises:
        SerdeError: an annotation names something that is not visible from the class's module.
    """
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except NameError as error:
        raise SerdeError(
            f"The type hints of {owner.__qualname__} cannot be resolved ({error}); define the types they name at "
            "module level."
        ) from error


def required_keys(typed_dict: Any, hints: dict[str, Any]) -> list[str]:
    """Return the keys a TypedDict must have; its own list is wrong where annotations are kept as text."""
    must = set(typed_dict.__required_keys__)
    for name, hint in hints.items():
        origin = typing.get_origin(hint)
        if origin is typing.NotRequired:
            must.discard(name)
        elif origin is typing.Required:
            must.add(name)
    return sorted(must)
