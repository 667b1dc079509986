"""A client of DynamoDB whose requests or answers get lost, by plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError


class Fault(Enum):
    """What befalls one request."""

    NONE = "none"
    UNSENT = "unsent"
    THROTTLED = "throttled"
    LOST = "lost"
    BROKEN = "broken"


def _throttled() -> Exception:
    details = {"Error": {"Code": "ThrottlingException", "Message": "slow down"}, "ResponseMetadata": _metadata(400)}
    return ClientError(details, "Operation")


def _broken() -> Exception:
    details = {"Error": {"Code": "InternalServerError", "Message": "oops"}, "ResponseMetadata": _metadata(500)}
    return ClientError(details, "Operation")


def _metadata(status: int) -> dict[str, Any]:
    return {"HTTPStatusCode": status}


class FaultyClient:
    """Hands requests on to a client, but for the faults that `plan` gives, one per request, in the order they come.

    A request that is lost or broken has been carried out: only its answer does not come.
    """

    def __init__(self, client: Any, plan: Iterable[Fault]) -> None:
        self._client = client
        self._plan = iter(plan)
        self._lock = threading.Lock()
        self.faults = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def request(**parameters: Any) -> Any:
            with self._lock:
                fault = next(self._plan, Fault.NONE)
                self.faults += fault is not Fault.NONE
            if fault is Fault.UNSENT:
                raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
            if fault is Fault.THROTTLED:
                raise _throttled()
            answer = method(**parameters)
            if fault is Fault.LOST:
                raise ReadTimeoutError(endpoint_url="http://127.0.0.1")
            if fault is Fault.BROKEN:
                raise _broken()
            return answer

        request.__name__ = name
        return request
