"""A thin client of the admin API: one request, one JSON answer, or one sentence on what went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from holdfast_cli.problems import RequestFailed, UsageProblem

# A discovery may take this long, and nothing else does.
_TIMEOUT_SECONDS = 30


class AdminClient:
    """Asks one server."""

    def __init__(self, url: str) -> None:
        """Take the URL of the admin API.

        Raises:
            UsageProblem: It is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageProblem(f"--admin-url takes a URL such as http://127.0.0.1:9070, not {url!r}.")
        self._url = url.rstrip("/")
        self._opener = _opener(parts.hostname)

    def request(self, method: str, *path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of the answer; None when it is empty.

        Raises:
            RequestFailed: The server refused, or could not be reached.
        """
        address = "/".join((self._url, *(quote(part, safe="") for part in path)))
        if query:
            address += f"?{urlencode(query)}"
        content = None if body is None else json.dumps(body).encode()
        request = Request(address, data=content, method=method, headers={"content-type": "application/json"})
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer = response.read()
        except HTTPError as error:
            raise RequestFailed(_refusal(error)) from error
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise RequestFailed(
                f"The admin API at {self._url} cannot be reached ({reason});"
                " is `holdfast dev` running, and --admin-url right?"
            ) from error
        return json.loads(answer) if answer else None


def _opener(host: str) -> OpenerDirector:
    # A proxy named in the environment cannot know what this machine's loopback is.
    return build_opener(ProxyHandler({})) if _is_loopback(host) else build_opener()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(error: HTTPError) -> str:
    try:
        content = json.loads(error.read())
        message = str(content["message"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {error.code}."
    code = content.get("restate_code")
    return f"{message} ({code})" if code else message
