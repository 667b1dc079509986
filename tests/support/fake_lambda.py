"""Lambda as its callers see it: handlers in this process behind the client's interface, with Lambda's own limits."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from tests.support.queues import client_error

REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:greeter:1"

# A little more than 6 MB, as the service's own error messages name it.
LIMIT_BYTES = 6_291_556

Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Context:
    """What a function is told besides the event."""

    left_ms: int = 60_000
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


class FakeLambda:
    """A client of Lambda; `functions` are what makes each function's handler, by qualified ARN.

    All functions run one after the other on one thread, where their handlers are made as well, as in an execution
    environment of Lambda.
    """

    def __init__(self, functions: Mapping[str, Callable[[], Handler]], *, region: str = REGION) -> None:
        self.meta = SimpleNamespace(region_name=region)
        self.events: list[dict[str, Any]] = []
        self._functions = dict(functions)
        self._handlers: dict[str, Handler] = {}
        self._thread = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> FakeLambda:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._end).result()
        self._thread.shutdown()

    def replace(self, name: str, make: Callable[[], Handler]) -> None:
        """Put other code behind a name."""
        self._functions[name] = make
        self._handlers.pop(name, None)

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert InvocationType == "RequestResponse"
        if len(Payload) > LIMIT_BYTES:
            raise client_error("RequestTooLargeException", status=413)
        if FunctionName not in self._functions:
            raise client_error("ResourceNotFoundException", status=404)
        event = json.loads(Payload)
        self.events.append(event)
        return self._thread.submit(self._run, FunctionName, event).result()

    def _end(self) -> None:
        self._handlers.clear()
        try:
            # Restate's SDK makes a loop for the thread, and leaves it.
            asyncio.get_event_loop_policy().get_event_loop().close()
        except RuntimeError:
            return

    def _run(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        try:
            if name not in self._handlers:
                self._handlers[name] = self._functions[name]()
            payload = json.dumps(self._handlers[name](event, Context())).encode()
        except Exception as error:  # noqa: BLE001 - whatever a function raises is reported.
            return _failed(type(error).__name__, str(error), traceback.format_tb(error.__traceback__))
        if len(payload) > LIMIT_BYTES:
            problem = f"Response payload size ({len(payload)} bytes) exceeded maximum allowed payload size"
            return _failed("Function.ResponseSizeTooLarge", f"{problem} ({LIMIT_BYTES} bytes).", [])
        return {"StatusCode": 200, "Payload": BytesIO(payload)}


def _failed(kind: str, message: str, lines: list[str]) -> dict[str, Any]:
    report = {"errorMessage": message, "errorType": kind, "requestId": "request", "stackTrace": lines}
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": BytesIO(json.dumps(report).encode())}


def answering(answer: Callable[[dict[str, Any]], Any]) -> dict[str, Callable[[], Handler]]:
    """Return the one function that answers events so."""
    return {ARN: lambda: lambda event, _context: answer(event)}
