"""A thin client of the ingress: calling and sending by name, from a shell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast_cli.problems import RequestFailed
from holdfast_cli.web import Answer, Peer, Web

_PEER = Peer(name="ingress", option="--ingress-url", example="http://127.0.0.1:8080")
_SEND_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A handler of a service, with the key and the scope that it has, if any."""

    service: str
    key: str | None
    handler: str
    scope: str | None

    def path(self, verb: str) -> tuple[str, ...]:
        """Return the parts of the path that calls it or sends to it."""
        scope = () if self.scope is None else ("scope", self.scope)
        key = () if self.key is None else (self.key,)
        return ("restate", *scope, verb, self.service, *key, self.handler)


class HandlerFailed(Exception):
    """The handler ended in a failure; this is its error JSON."""

    def __init__(self, failure: dict[str, Any], invocation_id: str | None) -> None:
        super().__init__(str(failure.get("message", "")))
        self.failure = failure
        self.invocation_id = invocation_id


class IngressClient:
    """Calls handlers through one ingress."""

    def __init__(self, url: str) -> None:
        """Take the URL of the ingress.

        Raises:
            UsageProblem: It is none.
        """
        self._web = Web(url, peer=_PEER)

    def services(self) -> Any:
        """Return what the ingress says it serves.

        Raises:
            RequestFailed: It does not say so.
        """
        return json.loads(_checked(self._web.send("GET", "restate", "health", timeout_s=_SEND_SECONDS_MAX)).body)

    def call(
        self, target: Target, body: bytes | None, headers: Mapping[str, str], *, timeout_s: float | None
    ) -> Answer:
        """Call a handler and wait for what it returns.

        Raises:
            HandlerFailed: It ended in a failure.
            RequestFailed: The ingress refused the call, or could not be reached.
        """
        return _checked(self._web.send("POST", *target.path("call"), headers=headers, body=body, timeout_s=timeout_s))

    def send(self, target: Target, body: bytes | None, headers: Mapping[str, str], *, delay: str | None) -> Any:
        """Send to a handler; return what the ingress says of the invocation, which is durable by then.

        Raises:
            RequestFailed: The ingress refused it, or could not be reached.
        """
        query = None if delay is None else {"delay": delay}
        answer = self._web.send(
            "POST", *target.path("send"), query=query, headers=headers, body=body, timeout_s=_SEND_SECONDS_MAX
        )
        return json.loads(_checked(answer).body)


def _checked(answer: Answer) -> Answer:
    if answer.status < 300:
        return answer
    try:
        content = json.loads(answer.body)
        message = str(content["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise RequestFailed(f"The ingress answered {answer.status}.") from error
    if content.get("source") == "invocation":
        raise HandlerFailed(content, answer.headers.get("x-restate-id"))
    raise RequestFailed(message)
