"""A request and a response as plain records: what every handler function of this package takes and gives back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, unquote

Headers = tuple[tuple[str, str], ...]

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, read wholly. `path` is percent-encoded as it travelled; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whose name is given in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response; header names are lower-case, and the length is the binding's business."""

    status: int
    headers: Headers = ()
    body: bytes = b""


class App(Protocol):
    """What a binding serves: ingress and admin."""

    async def handle(self, request: Request) -> Response:
        """Answer a request; never raises for what a client or a dependency does."""
        ...

    def refuse(self, request: Request, *, status: int, message: str) -> Response:
        """Return this API's error response, for what a binding must refuse before it has the body."""
        ...


class BadPath(ValueError):
    """The path or the query cannot be decoded."""


def json_response(status: int, content: object, headers: Headers = ()) -> Response:
    """Return a response that carries `content` as JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return Response(status=status, headers=(("content-type", JSON_TYPE), *headers), body=body)


def path_segments(path: str) -> tuple[str, ...]:
    """Return the decoded parts of a path; one trailing slash does not count.

    Raises:
        BadPath: A part is not percent-encoded UTF-8.
    """
    trimmed = path.removeprefix("/").removesuffix("/")
    parts = trimmed.split("/") if trimmed else []
    if "%" not in trimmed:
        return tuple(parts)
    try:
        return tuple(unquote(part, errors="strict") for part in parts)
    except UnicodeDecodeError as error:
        raise BadPath(f"the path {path!r} is not percent-encoded UTF-8") from error


def query_values(query: str) -> dict[str, str]:
    """Return the query's values by name; the first of each name counts.

    Raises:
        BadPath: A name or a value is not percent-encoded UTF-8.
    """
    if not query:
        return {}
    try:
        # The bound is far above what any route knows, and far below what would cost time.
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as error:
        raise BadPath(f"the query {query[:200]!r} cannot be decoded: {error}") from error
    return dict(reversed(pairs))
