"""A running server as a client sees it: calls, sends, results and the admin API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")

_UNKNOWN = 404


class Site:
    """An ingress and an admin API under test; Holdfast's or a stock Restate server's."""

    def __init__(self, ingress_url: str, admin_url: str) -> None:
        # No test here is about slow answers; one that never comes shall fail by name and not by pytest's limit.
        self.ingress = httpx.Client(base_url=ingress_url, timeout=60.0, trust_env=False)
        self.admin = httpx.Client(base_url=admin_url, timeout=60.0, trust_env=False)

    def __enter__(self) -> Self:
        """Return the site itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.ingress.close()
        self.admin.close()

    def post(self, path: str, payload: Any = None, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Post JSON, or nothing when the payload is None, and return the answer whatever its status."""
        if payload is None:
            return self.ingress.post(path, headers=headers)
        return self.ingress.post(path, json=payload, headers=headers)

    def call(self, path: str, payload: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Call a handler and return what it returned; fails with the server's words when it did not succeed."""
        answer = self.post(path, payload, headers=headers)
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def send(self, path: str, payload: Any = None, *, headers: Mapping[str, str] | None = None) -> str:
        """Send an invocation and return its id."""
        answer = self.post(f"{path}/send", payload, headers=headers)
        assert answer.status_code == httpx.codes.ACCEPTED, f"{path}: {answer.status_code} {answer.text}"
        return str(answer.json()["invocationId"])

    def attach(self, invocation_id: str) -> httpx.Response:
        """Wait for an invocation and return its answer."""
        return self.ingress.get(f"/restate/invocation/{invocation_id}/attach")

    def register(self, uri: str) -> dict[str, Any]:
        """Register an endpoint that speaks HTTP/1.1 and return the deployment."""
        answer = self.admin.post("/deployments", json={"uri": uri, "use_http_11": True})
        assert answer.is_success, f"{uri}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    def invocation(self, invocation_id: str) -> dict[str, Any] | None:
        """Return what Holdfast's admin API says of an invocation."""
        answer = self.admin.get(f"/invocations/{invocation_id}")
        if answer.status_code == _UNKNOWN:
            return None
        assert answer.is_success, answer.text
        return dict(answer.json())


def eventually(probe: Callable[[], T], *, within_s: float = 20.0) -> T:
    """Return the first true value of the probe; the last one when time is up, for an assertion to show."""
    deadline = time.monotonic() + within_s
    while not (value := probe()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value
