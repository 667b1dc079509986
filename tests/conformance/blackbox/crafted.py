"""An endpoint written by hand: answers with frames that no SDK can be made to send, over HTTP/1.1 in this process."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from examples.demo.processes import free_ports
from holdfast_protocol.frames import split_frames
from holdfast_protocol.versions import (
    PROTOCOL_VERSION_MAX,
    PROTOCOL_VERSION_MIN,
    invocation_media_type,
    invocation_version,
)

_MANIFEST_TYPE = "application/vnd.restate.endpointmanifest.v4+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One attempt: its number among all that were asked, the version it is in, and its frames behind Start."""

    number: int
    version: int
    frames: Sequence[bytes]


# What an attempt is answered with; a version that is not taken is answered 415.
Answer = Callable[[Asked], list[bytes] | None]


class CraftedEndpoint:
    """Serves one service with one handler, `do`."""

    def __init__(self, service: str, answer: Answer) -> None:
        [port] = free_ports(1)
        self.uri = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self._service = service
        self._answer = answer
        self._server = uvicorn.Server(
            uvicorn.Config(self, host="127.0.0.1", port=port, log_level="warning", lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()), daemon=True)

    def start(self) -> None:
        """Return once it takes connections."""
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive(), "the endpoint did not come up"

    def stop(self) -> None:
        """Close it."""
        self._server.should_exit = True
        self._thread.join(10)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        status, media_type, content = self._respond(scope["path"], headers, body)
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type.encode())]}
        )
        await send({"type": "http.response.body", "body": content})

    def _respond(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        if path == "/discover":
            return 200, _MANIFEST_TYPE, json.dumps(self._manifest()).encode()
        version = invocation_version(headers["content-type"])
        assert version is not None, headers
        asked = Asked(number=len(self.asked) + 1, version=version, frames=split_frames(body)[1:])
        self.asked.append(asked)
        frames = self._answer(asked)
        if frames is None:
            return 415, "text/plain", b"this version is not taken here"
        return 200, invocation_media_type(version), b"".join(frames)

    def _manifest(self) -> dict[str, Any]:
        soon = {"retryPolicyInitialInterval": 50, "retryPolicyMaxInterval": 50, "retryPolicyMaxAttempts": 1000}
        return {
            "protocolMode": "REQUEST_RESPONSE",
            "minProtocolVersion": PROTOCOL_VERSION_MIN,
            "maxProtocolVersion": PROTOCOL_VERSION_MAX,
            "services": [{"name": self._service, "ty": "SERVICE", "handlers": [{"name": "do"}], **soon}],
        }


@contextmanager
def crafted(service: str, answer: Answer) -> Iterator[CraftedEndpoint]:
    """Serve for as long as the block lasts."""
    endpoint = CraftedEndpoint(service, answer)
    endpoint.start()
    try:
        yield endpoint
    finally:
        endpoint.stop()
