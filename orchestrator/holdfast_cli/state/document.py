"""A state as a JSON document for people: values that are JSON as themselves, other text and bytes wrapped.

Reading back gives the bytes that were there for every value that was left alone, however they were spelled: `1.10` and
`1.1` are the same JSON, and not the same state.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, NoReturn

_TEXT, _BASE64 = "$text", "$base64"


class DocumentError(ValueError):
    """A document is no state; the message says where."""


def shown_value(value: bytes) -> Any:
    """Return a value as the document has it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {_BASE64: b64encode(value).decode()}
    try:
        parsed = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return {_TEXT: text}
    # A value that looks like one of our wrappers would be unwrapped when it is read back.
    return {_TEXT: text} if _is_wrapper(parsed) else parsed


def document_of(values: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the document of a state."""
    return {name: shown_value(value) for name, value in sorted(values.items())}


def text_of(values: Mapping[str, bytes]) -> str:
    """Return the document as text."""
    return json.dumps(document_of(values), indent=2, ensure_ascii=False) + "\n"


def values_of(text: str, *, before: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the state that a document describes; what is unchanged keeps its bytes.

    Raises:
        DocumentError: It is no JSON object, or a wrapper in it holds something else.
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"this is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DocumentError("a state is a JSON object of names and values")
    return {name: _value(name, each, before) for name, each in document.items()}


def _value(name: str, each: Any, before: Mapping[str, bytes]) -> bytes:
    # As text, because Python takes 1, 1.0 and True for the same.
    if name in before and json.dumps(each) == json.dumps(shown_value(before[name])):
        return before[name]
    try:
        if not _is_wrapper(each):
            return json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode()
        if _TEXT in each:
            return str(each[_TEXT]).encode()
        return b64decode(each[_BASE64], validate=True)
    except (Base64Error, UnicodeEncodeError, TypeError) as error:
        raise DocumentError(f"the value of {name!r} cannot be stored: {error}") from error


def _is_wrapper(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and value.keys() <= {_TEXT, _BASE64}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
