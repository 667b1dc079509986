"""Requests to the applications of holdfast_http, without a socket, and reading what they answer."""

from __future__ import annotations

import json
from typing import Any

from holdfast_http.messages import App, Request, Response

JSON = {"content-type": "application/json"}


async def ask(
    app: App, method: str, target: str, body: bytes | str = b"", headers: dict[str, str] | None = None
) -> Response:
    """Send a request; `target` is a path with or without a query."""
    path, _, query = target.partition("?")
    content = body.encode() if isinstance(body, str) else body
    return await app.handle(
        Request(method=method, path=path, query=query, headers=tuple((headers or {}).items()), body=content)
    )


async def post(app: App, target: str, body: bytes | str = b"", **headers: str) -> Response:
    """Post JSON; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(app, "POST", target, body, {**(JSON if body else {}), **named})


def header(response: Response, name: str) -> str | None:
    """Return a header of a response."""
    return dict(response.headers).get(name)


def content(response: Response) -> Any:
    """Return the JSON a response carries."""
    return json.loads(response.body)
