"""A thin client of the admin API: one request, one JSON answer, or one sentence on what went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from holdfast_cli.problems import RequestFailed
from holdfast_cli.web import Answer, Peer, Web

# A discovery may take this long, and nothing else does.
_TIMEOUT_SECONDS = 30

_PEER = Peer(name="admin API", option="--admin-url", example="http://127.0.0.1:9070")
_HEADERS = {"content-type": "application/json", "accept": "application/json"}


class AdminClient:
    """Asks one server."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        """Take the URL of the admin API, and the token it asks for, if it asks for one.

        Raises:
            UsageProblem: It is no URL.
        """
        self._web = Web(url, peer=_PEER, token=token)

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._web.url

    def request(self, method: str, *path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of the answer; None when it is empty.

        Raises:
            RequestFailed: The server refused.
            ServerUnreachable: It could not be reached.
        """
        content = None if body is None else json.dumps(body).encode()
        answer = self._web.send(method, *path, query=query, headers=_HEADERS, body=content, timeout_s=_TIMEOUT_SECONDS)
        if answer.status >= 300:
            raise RequestFailed(_refusal(answer))
        try:
            return json.loads(answer.body) if answer.body else None
        except ValueError as error:
            raise RequestFailed(
                f"What answers at {self.url} is no admin API: its answer is not JSON. See --admin-url."
            ) from error


def _refusal(answer: Answer) -> str:
    if answer.status == 401:
        return "The admin API asks for a token, and for the right one: set HOLDFAST_TOKEN, or --token."
    try:
        content = json.loads(answer.body)
        message = str(content["message"])
    except (ValueError, KeyError, TypeError):
        return _bare(answer.status)
    code = content.get("restate_code")
    return f"{message} ({code})" if code else message


def _bare(status: int) -> str:
    if status == 403:
        return "The server answered 403: on AWS, IAM has to let you in."
    return f"The server answered {status}."
