"""The seam below botocore: requests are counted, struck by faults, and answered here or by whoever is really there."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

# Of the requests of one kind so many are let through behind one that is struck: whoever tries again is heard.
SPARED = 2

Serve = Callable[[str, Any], AWSResponse]


class Fault(StrEnum):
    """What befalls a request; the last two when it has been carried out."""

    THROTTLED = "throttled"
    UNSENT = "never connected"
    CUT = "cut off before it arrived"
    FAILED = "an error of the server instead of its effect"
    FAILED_AFTER = "an error of the server behind its effect"
    LOST = "no answer in time, behind its effect"


AFTERWARDS = (Fault.FAILED_AFTER, Fault.LOST)


class Faults:
    """One kind of fault, striking the first call of each kind and every third from there.

    `always`: by service, what strikes its calls meanwhile, every one.
    """

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.always: dict[str, Fault] = {}
        self.seen: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next(self, call: str) -> Fault | None:
        """Return what befalls the next request of a kind."""
        if (fault := self.always.get(call.partition(".")[0])) is not None:
            return fault
        with self._lock:
            number = self.seen[call]
            self.seen[call] += 1
            if self.fault is None or number % (SPARED + 1):
                return None
            self.struck[call] += 1
            return self.fault


class Raw(BytesIO):
    """A body as the HTTP library hands it out."""

    def stream(self, **_: Any) -> Any:
        while chunk := self.read():
            yield chunk


def response(status: int, content: bytes, headers: Mapping[str, str] | None = None) -> AWSResponse:
    """Return an answer as it comes from the network."""
    return AWSResponse("http://small", status, {"content-length": str(len(content)), **(headers or {})}, Raw(content))


def json_response(content: object, headers: Mapping[str, str] | None = None) -> AWSResponse:
    """Return a good answer in JSON."""
    return response(200, json.dumps(content).encode(), headers)


def wire(client: Any, faults: Faults, serve: Serve | None) -> Any:
    """Put faults into a client's way, and an answer at its end; without `serve` it goes where it is addressed to."""
    service = client.meta.service_model.service_name
    url = client.meta.endpoint_url

    def before_send(request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        fault = faults.next(f"{service}.{operation}")
        if fault is Fault.UNSENT:
            raise ConnectTimeoutError(endpoint_url=url)
        if fault is Fault.CUT:
            raise ConnectionClosedError(endpoint_url=url)
        if fault is Fault.THROTTLED:
            return _refusal(service, *_THROTTLED[service])
        if fault is Fault.FAILED:
            return _refusal(service, 500, "InternalServerError")
        if serve is not None:
            answer = serve(operation, request)
        elif fault is None:
            return None
        else:
            answer = client._endpoint.http_session.send(request)
        if fault is Fault.LOST:
            raise ReadTimeoutError(endpoint_url=url)
        return _refusal(service, 500, "InternalServerError") if fault is Fault.FAILED_AFTER else answer

    client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", before_send)
    return client


_THROTTLED = {
    "dynamodb": (400, "ThrottlingException"),
    "sqs": (403, "RequestThrottled"),
    "lambda": (429, "TooManyRequestsException"),
    "s3": (503, "SlowDown"),
    "sts": (400, "Throttling"),
}


def _refusal(service: str, status: int, code: str) -> AWSResponse:
    if service == "s3":
        return response(status, f"<Error><Code>{code}</Code><Message>because</Message></Error>".encode())
    if service == "sts":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>because</Message></Error>"
        return response(status, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode())
    headers = {"x-amzn-ErrorType": code, "content-type": "application/json"}
    return response(status, json.dumps({"__type": code, "message": "because"}).encode(), headers)
