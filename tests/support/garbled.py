"""An endpoint whose first answers are garbage of several kinds: `python -m tests.support.garbled PORT MODULE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import uvicorn

from tests.support.serve import app_of

PROTOCOL = b"application/vnd.restate.invocation.v7"

# Status, content type, body: HTML of some proxy, frames cut short, frames that claim 4 GiB, nothing, and a crash.
GARBAGE = [
    (200, b"text/html", b"<html>It works!</html>"),
    (200, PROTOCOL, b"\x04\x04\x00\x00\x00\x00\x00\x10half"),
    (200, PROTOCOL, b"\x04\x04\x00\x00\xff\xff\xff\xff"),
    (200, PROTOCOL, b""),
    (500, b"text/plain", b"out of memory"),
]


class Garbled:
    """Answers discovery, and invocations with garbage until there is no more of it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._garbage: Iterator[tuple[int, bytes, bytes]] = iter(GARBAGE)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        answer = next(self._garbage, None) if scope.get("path", "").startswith("/invoke") else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        status, content_type, body = answer
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    app = Garbled(app_of([sys.argv[2]], sdk="holdfast"))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", lifespan="off")
