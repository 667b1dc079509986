"""The single conversions from a parsed JSON value to what a type hint asks for, and the error when it does not fit.

Conversion is strict, so that a wrong value is named at the door and not found deep inside a handler: text is never
taken for a number, nor a number for a truth value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

from holdfast.errors import SerdeError

Convert = Callable[[Any], Any]


class Mismatch(SerdeError):
    """A JSON value does not fit its type hint; grows its path while it travels outwards."""

    def __init__(self, problem: str, path: str = "") -> None:
        """Take what is wrong, and where inside the value."""
        super().__init__(f"{path.removeprefix('.')}: {problem}" if path else problem)
        self.problem = problem
        self.path = path

    def within(self, place: str) -> Mismatch:
        """Return the same mismatch as seen from the enclosing value."""
        return Mismatch(self.problem, place + self.path)


def expected(what: str, value: Any) -> Mismatch:
    """Return the error that names what was wanted and what was there."""
    shown = repr(value)
    return Mismatch(f"expected {what}, got {shown if len(shown) <= 80 else shown[:77] + '...'}")


def convert_at(place: str, convert: Convert, value: Any) -> Any:
    """Convert a part of a value; an error says where the part is."""
    try:
        return convert(value)
    except Mismatch as mismatch:
        raise mismatch.within(place) from mismatch.__cause__


def same(value: Any) -> Any:
    """Accept anything as it is."""
    return value


def none(value: Any) -> None:
    """Accept null only."""
    if value is not None:
        raise expected("null", value)


def text(value: Any) -> str:
    """Accept text only."""
    if isinstance(value, str):
        return value
    raise expected("text", value)


def boolean(value: Any) -> bool:
    """Accept true and false only."""
    if isinstance(value, bool):
        return value
    raise expected("true or false", value)


def integer(value: Any) -> int:
    """Accept whole numbers, also written as 5.0, which is how some languages write them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise expected("a whole number", value)


def number(value: Any) -> float:
    """Accept any number, as a float."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise expected("a number", value)


def from_text(name: str, make: Callable[[str], Any]) -> Convert:
    """Return the conversion of classes that are written as text, like UUID."""

    def convert(value: Any) -> Any:
        try:
            return make(text(value))
        except (ValueError, ArithmeticError) as error:
            raise expected(f"a {name} as text", value) from error

    return convert


def literal(choices: Sequence[Any]) -> Convert:
    """Return the conversion that accepts these very values."""

    def convert(value: Any) -> Any:
        for choice in choices:
            if isinstance(choice, Enum) and choice.value == value:
                return choice
            if type(choice) is type(value) and choice == value:
                return choice
        raise expected(f"one of {', '.join(map(repr, choices))}", value)

    return convert


def enumeration(made: type[Enum]) -> Convert:
    """Return the conversion of an enum, by value."""

    def convert(value: Any) -> Any:
        try:
            return made(value)
        except ValueError:
            raise expected(f"one of {', '.join(repr(member.value) for member in made)}", value) from None

    return convert


def first_that_fits(conversions: Sequence[Convert]) -> Convert:
    """Return the conversion of a union: the first member that accepts the value makes it."""

    def convert(value: Any) -> Any:
        problems: dict[str, None] = {}
        for candidate in conversions:
            try:
                return candidate(value)
            except SerdeError as error:
                problems[str(error)] = None
        raise Mismatch("; or ".join(problems))

    return convert


def sequence(make: Callable[[Iterable[Any]], Any], item: Convert) -> Convert:
    """Return the conversion of a list, and of the collections that JSON writes as one."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            raise expected("a list", value)
        return make([convert_at(f"[{index}]", item, element) for index, element in enumerate(value)])

    return convert


def fixed_tuple(items: Sequence[Convert]) -> Convert:
    """Return the conversion of a tuple whose every place has its own type."""

    def convert(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(items):
            raise expected(f"a list of {len(items)}", value)
        places = enumerate(zip(items, value, strict=True))
        return tuple(convert_at(f"[{index}]", item, element) for index, (item, element) in places)

    return convert


def mapping(key: Convert | None, item: Convert) -> Convert:
    """Return the conversion of a dict; without a conversion for keys they stay text."""

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise expected("an object", value)
        return {
            name if key is None else _key(key, name): convert_at(f".{name}", item, element)
            for name, element in value.items()
        }

    return convert


def _key(key: Convert, name: str) -> Any:
    if key is integer and name.removeprefix("-").isdecimal():
        return int(name)
    return convert_at(f".{name}", key, name)


def pydantic_model(model: Any) -> Convert:
    """Return the conversion into a pydantic model."""

    def convert(value: Any) -> Any:
        try:
            return model.model_validate(value)
        except ValueError as error:
            raise Mismatch(pydantic_problem(error)) from error

    return convert


def pydantic_problem(error: Any) -> str:
    """Return what pydantic found wrong, in one line."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"]))) for each in problems)


def msgspec_struct(made: Any) -> Convert:
    """Return the conversion into a msgspec struct."""

    def convert(value: Any) -> Any:
        import msgspec

        try:
            return msgspec.convert(value, type=made)
        except msgspec.ValidationError as error:
            raise Mismatch(str(error)) from error

    return convert
