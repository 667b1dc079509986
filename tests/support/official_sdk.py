"""The official Python SDK, given one attempt in this process over its ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import restate

from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.frames import split_frames
from holdfast_protocol.messages import encode


async def attempt(fn: Callable[..., Awaitable[Any]], kind: str, request: AttemptRequest) -> list[bytes]:
    """Run one attempt of a handler and return the raw frames of the answer."""
    app = restate.app([_service(fn, kind, request)], protocol="request_response")
    content_type = f"application/vnd.restate.invocation.v{request.protocol_version}".encode()
    scope = {
        "type": "http",
        "method": "POST",
        "http_version": "1.1",
        "path": f"/invoke/{request.service}/{request.handler}",
        "headers": [(b"content-type", content_type), (b"accept", content_type)],
    }
    inbox = [{"type": "http.request", "body": encode(request.start) + b"".join(request.entries), "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not inbox:
            await asyncio.Event().wait()
        return inbox.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return split_frames(b"".join(message.get("body", b"") for message in sent))


def _service(fn: Callable[..., Awaitable[Any]], kind: str, request: AttemptRequest) -> Any:
    if kind == "service":
        service = restate.Service(request.service)
        service.handler(name=request.handler)(fn)
        return service
    if kind == "object":
        counter = restate.VirtualObject(request.service)
        counter.handler(name=request.handler)(fn)
        return counter
    workflow = restate.Workflow(request.service)
    workflow.main(name=request.handler)(fn)
    return workflow
