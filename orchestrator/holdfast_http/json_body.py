"""A JSON object in a request's body, read field by field with one clear sentence for each thing that is wrong."""

from __future__ import annotations

import json
from typing import Any

from holdfast_http.durations import DurationError, parse_duration_ms
from holdfast_http.messages import JSON_TYPE, Request
from holdfast_http.problems import HttpProblem, bad_request


class JsonBody:
    """The fields of a JSON object; unknown ones are ignored, as the official servers do."""

    def __init__(self, request: Request) -> None:
        """Read the body.

        Raises:
            HttpProblem: It is no JSON object.
        """
        try:
            content = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise bad_request(f"the body is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise bad_request("the body must be a JSON object")
        self._content: dict[str, Any] = content

    def text(self, name: str) -> str:
        """Return a string that must be there."""
        value = self.optional_text(name)
        if value is None:
            raise bad_request(f"the field '{name}' is missing")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None where it is absent or null."""
        value = self._content.get(name)
        if value is not None and not isinstance(value, str):
            raise bad_request(f"the field '{name}' must be a string")
        if value is not None and not _is_text(value):
            raise bad_request(f"the field '{name}' holds half a character")
        return value

    def flag(self, name: str) -> bool | None:
        """Return a boolean, or None where it is absent or null."""
        value = self._content.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad_request(f"the field '{name}' must be true or false")
        return value

    def text_list(self, name: str) -> tuple[str, ...]:
        """Return an array of strings that must be there."""
        value = self._content.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) and _is_text(each) for each in value):
            raise bad_request(f"the field '{name}' must be an array of strings")
        return tuple(value)

    def duration_ms(self, name: str) -> int | None:
        """Return a duration, or None where it is absent or null."""
        text = self.optional_text(name)
        try:
            return None if text is None else parse_duration_ms(text)
        except DurationError as error:
            raise bad_request(f"the field '{name}' is no duration: {error}") from error

    def byte_values(self, name: str) -> dict[str, bytes]:
        """Return an object whose values are arrays of bytes, that must be there."""
        value = self._content.get(name)
        if not isinstance(value, dict) or not all(_is_text(key) for key in value):
            raise bad_request(f"the field '{name}' must be an object")
        try:
            if not all(isinstance(each, list) for each in value.values()):
                raise TypeError
            return {key: bytes(each) for key, each in value.items()}
        except (TypeError, ValueError) as error:
            raise bad_request(f"the values of the field '{name}' must be arrays of numbers from 0 to 255") from error

    def has(self, name: str) -> bool:
        """Return whether a field is there, and not null."""
        return self._content.get(name) is not None

    def texts(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return an object whose values are strings; empty where it is absent or null."""
        value = self._content.get(name)
        if value is None:
            return ()
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise bad_request(f"the field '{name}' must be an object whose values are strings")
        return tuple(value.items())


def _is_text(value: str) -> bool:
    # JSON can spell one half of a surrogate pair, which no encoding can write.
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_json_type(request: Request) -> None:
    """Refuse a body that does not say it is JSON.

    A page of another origin can post plain text without asking first, JSON it cannot: this is what keeps a web page
    from registering endpoints on the admin port of whoever looks at it.
    """
    given = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if given != JSON_TYPE:
        raise HttpProblem(415, f"{request.path} takes {JSON_TYPE}: send the header 'content-type: {JSON_TYPE}'")
