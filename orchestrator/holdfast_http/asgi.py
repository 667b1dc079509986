"""The ASGI binding: what `holdfast dev` serves under uvicorn.

Powertools has an ASGI resolver of its own, but it decodes every body as UTF-8 text, so that a binary body is an error
there; and its routing would cost more than all handler functions on the path of a call. Hence this thin one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from holdfast_http.messages import App, Headers, Request, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# What Restate takes. On AWS it is less: a Lambda function's requests end at 6 MB, whatever is behind them.
BODY_BYTES_MAX = 32 * 1024 * 1024
# How much of a body that is refused is read all the same: a client that is still writing sees no answer.
_DRAINED_BYTES_MAX = 64 * 1024 * 1024
_DRAINED_SECONDS_MAX = 10
# Watching for a client's leaving costs a task, and most requests are answered long before this.
_WATCH_AFTER_SECONDS = 1.0

_CLOSE: Headers = (("connection", "close"),)


class _ClientLeft(Exception):
    """Nobody is there to be answered."""


class AsgiBinding:
    """Serves an application of this package as ASGI."""

    def __init__(self, app: App, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._app = app
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "uvicorn is run with neither lifespan nor websockets"
        try:
            response = await self._respond(scope, receive)
        except _ClientLeft:
            return
        await _send(response, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        body = await self._body(headers, receive)
        request = Request(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body or b"",
        )
        if body is None:
            return self._too_large(request)
        return await _while_connected(self._app.handle(request), receive)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """Return the body, or None when it is larger than the limit."""
        declared = _declared_bytes(headers)
        if declared > self._body_bytes_max:
            # Who asks first, or sends more than we would read anyway, is answered at once.
            if declared <= _DRAINED_BYTES_MAX and not _asks_first(headers):
                await _drain(receive)
            return None
        body, is_last = await _next_part(receive)
        if is_last and len(body) <= self._body_bytes_max:
            return body
        parts, size = [body], len(body)
        while not is_last and size <= self._body_bytes_max:
            body, is_last = await _next_part(receive)
            parts.append(body)
            size += len(body)
        if size <= self._body_bytes_max:
            return b"".join(parts)
        if not is_last:
            await _drain(receive)
        return None

    def _too_large(self, request: Request) -> Response:
        declared = _declared_bytes(request.headers)
        size = f"{declared} bytes" if declared else "larger"
        limit = f"{self._body_bytes_max} bytes ({self._body_bytes_max / 1024 / 1024:g} MiB)"
        message = f"the body is {size}, and the limit is {limit}: store the value elsewhere and send a reference to it"
        refusal = self._app.refuse(request, status=413, message=message)
        return Response(status=413, headers=(*refusal.headers, *_CLOSE), body=refusal.body)


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _ClientLeft
    return message.get("body", b""), not message.get("more_body", False)


async def _drain(receive: Receive) -> None:
    read = 0
    try:
        async with asyncio.timeout(_DRAINED_SECONDS_MAX):
            while read <= _DRAINED_BYTES_MAX:
                part, is_last = await _next_part(receive)
                read += len(part)
                if is_last:
                    return
    except TimeoutError:
        return


async def _while_connected(answer: Awaitable[Response], receive: Receive) -> Response:
    """Return the answer, unless the client leaves first: then waiting for it is cancelled."""
    waiting = asyncio.current_task()
    assert waiting is not None, "a request is handled in a task"
    watch: asyncio.Task[None] | None = None
    has_left = False

    async def cancel_when_left() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        has_left = True
        waiting.cancel()

    def start() -> None:
        nonlocal watch
        watch = asyncio.ensure_future(cancel_when_left())

    timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, start)
    try:
        return await answer
    except asyncio.CancelledError:
        if has_left:
            waiting.uncancel()
            raise _ClientLeft from None
        raise
    finally:
        timer.cancel()
        if watch is not None:
            watch.cancel()


async def _send(response: Response, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in response.headers]
    headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _declared_bytes(headers: Headers) -> int:
    value = next((value for name, value in headers if name == "content-length"), "0")
    # The server has checked that it is a number; under another server it counts as not declared.
    return int(value) if value.isdecimal() else 0


def _asks_first(headers: Headers) -> bool:
    return any(name == "expect" and value.lower() == "100-continue" for name, value in headers)
