"""One HTTP request and its answer, for the clients of both APIs: proxies, redirects, time limits, who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from holdfast_cli.aws_signing import signed_headers
from holdfast_cli.problems import ServerUnreachable, UsageProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server as somebody at the prompt thinks of it: what it is, and which option says where it is."""

    name: str
    option: str
    example: str


class Web:
    """Sends requests to one server."""

    def __init__(self, url: str, *, peer: Peer, token: str | None = None) -> None:
        """Take the URL of a server, and the token it asks for.

        Raises:
            UsageProblem: It is no URL, or the token cannot be sent.
        """
        host = _host(url)
        if host is None:
            raise UsageProblem(f"{peer.option} takes a URL such as {peer.example}, not {url!r}.")
        # A header is one line of plain characters; the token itself is not for the screen.
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageProblem("The token has characters that no header can carry; see --token and HOLDFAST_TOKEN.")
        self.url = url.rstrip("/")
        self._peer = peer
        # Where a signature is asked for, a token meant for another server is no use.
        self._bearer = {} if token is None else {"authorization": f"Bearer {token}"}
        is_here = _is_loopback(host)
        option = peer.option
        self._advice = (
            f"is `holdfast dev` running, and {option} right?" if is_here else f"is {option} or --stack right?"
        )
        # A proxy named in the environment cannot know what this machine's loopback is.
        self._opener = build_opener(_NoRedirect, *([ProxyHandler({})] if is_here else []))

    def send(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float | None,
    ) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            ServerUnreachable: There was none.
        """
        address = "/".join((self.url, *(quote(part, safe="") for part in path)))
        if query:
            # What is signed is not written with a plus for a blank.
            address += f"?{urlencode(query, quote_via=quote)}"
        said = {name.lower(): value for name, value in (headers or {}).items()}
        if body is not None:
            # Or else urllib says that it is a form.
            said.setdefault("content-type", "application/octet-stream")
        if "authorization" not in said:
            said |= signed_headers(method, address, body or b"") or self._bearer
        request = Request(address, data=body, method=method, headers=said)
        try:
            with self._opened(request, timeout_s) as response:
                said = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status, headers=said, body=response.read())
        except (URLError, OSError, HTTPException, UnicodeError) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerUnreachable(
                f"The {self._peer.name} at {self.url} cannot be reached ({reason}); {self._advice}"
            ) from error

    def _opened(self, request: Request, timeout_s: float | None) -> Any:
        try:
            return self._opener.open(request, timeout=timeout_s)
        except HTTPError as error:
            # An answer like any other.
            return error


class _NoRedirect(HTTPRedirectHandler):
    """Neither API redirects, and a token is for nobody else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def _host(url: str) -> str | None:
    """Return whom a URL names; None when it is none of HTTP."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
