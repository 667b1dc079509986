"""The official SDKs, given one attempt over their Lambda handlers: Python's in this process, TypeScript's in Node."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import restate
from restate.aws_lambda import wrap_asgi_as_lambda_handler

from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.envelope import parse_response, request_envelope
from holdfast_protocol.frames import split_frames
from holdfast_protocol.messages import encode
from tests.conformance.blackbox.launch import node_folder


async def attempt(fn: Callable[..., Awaitable[Any]], kind: str, request: AttemptRequest) -> list[bytes]:
    """Run one attempt of a handler and return the raw frames of the answer."""

    def in_a_thread() -> Any:
        handler = wrap_asgi_as_lambda_handler(restate.app([_service(fn, kind, request)], protocol="request_response"))
        try:
            return handler(event_of(request), None)  # type: ignore[arg-type]
        finally:
            # The handler has made itself an event loop, which a function keeps for ever.
            asyncio.get_event_loop().close()
            asyncio.set_event_loop(None)

    return _frames_of(await asyncio.to_thread(in_a_thread), request)


class NodeFunction:
    """The TypeScript SDK in a process of its own, which answers one case after the other."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            NodeMissing: There is no Node, or no npm.
        """
        command = ["node", str(node_folder() / "cases.mjs")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def attempt(self, program: list[Any], kind: str, request: AttemptRequest) -> list[bytes]:
        """Run one attempt of a program and return the raw frames of the answer."""
        target = {"service": request.service, "handler": request.handler}
        line = json.dumps({"program": program, "kind": kind, **target, "event": event_of(request)})
        return _frames_of(await asyncio.to_thread(self._ask, line), request)

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def event_of(request: AttemptRequest) -> dict[str, Any]:
    """Return the event with which Lambda would call a function for an attempt."""
    content_type = f"application/vnd.restate.invocation.v{request.protocol_version}"
    return request_envelope(
        path=f"/invoke/{request.service}/{request.handler}",
        method="POST",
        headers={"content-type": content_type, "accept": content_type},
        body=encode(request.start) + b"".join(request.entries),
    )


def _frames_of(answer: Mapping[str, Any], request: AttemptRequest) -> list[bytes]:
    assert "error" not in answer, answer["error"]
    response = parse_response(answer)
    assert response.status == 200, (response.status, response.body)
    assert response.headers["content-type"] == f"application/vnd.restate.invocation.v{request.protocol_version}"
    return split_frames(response.body)


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
