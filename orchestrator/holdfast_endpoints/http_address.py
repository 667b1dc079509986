"""Where an HTTP endpoint is: its address taken apart, the protocol spoken there, and the URLs of its handlers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

import httpx

from holdfast_engine.registry import Endpoint

# Beyond this many (endpoint, handler) pairs the URLs are simply put together again.
_URLS_CACHED_MAX = 1024


class BadAddress(ValueError):
    """The address of an endpoint is not one that HTTP can use; the message is one sentence."""


class Mode(StrEnum):
    """How the version of HTTP is settled with an endpoint."""

    H2C = "h2c"  # HTTP/2 with prior knowledge: what the official servers speak on a plain port.
    HTTP_11 = "http/1.1"
    ALPN = "alpn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One URL at an endpoint, and the scheme, host and port it begins with."""

    mode: Mode
    url: httpx.URL
    origin: str

    def __str__(self) -> str:
        """Return the URL as messages show it: without the query, which may hold a secret."""
        return self.origin + self.url.path


@lru_cache(maxsize=_URLS_CACHED_MAX)
def address_of(endpoint: Endpoint, *segments: str) -> Address:
    """Return the URL at an endpoint: base path, then the segments, then the base's own query.

    Raises:
        BadAddress: The endpoint's address is not an absolute http(s) URL without credentials.
    """
    base = _parsed(endpoint.address)
    path, mark, query = base.raw_path.decode("ascii").partition("?")
    tail = "".join("/" + quote(segment, safe="") for segment in segments)
    url = base.copy_with(raw_path=f"{path.rstrip('/')}{tail}{mark}{query}".encode("ascii"), fragment=None)
    origin = f"{base.scheme}://{base.netloc.decode('ascii')}"
    return Address(mode=_mode(endpoint, base.scheme), url=url, origin=origin)


def _parsed(address: str) -> httpx.URL:
    try:
        base = httpx.URL(address)
        base.netloc.decode("ascii")
    except (httpx.InvalidURL, ValueError) as error:
        raise BadAddress(f"{address!r} is not a URL: {error}") from None
    if base.scheme not in ("http", "https") or not base.host:
        raise BadAddress(f"{address!r} is not an absolute URL that starts with http:// or https://")
    if base.userinfo:
        raise BadAddress(
            f"the URL of the endpoint at {base.host} contains credentials; give them as an additional header instead"
        )
    return base


def _mode(endpoint: Endpoint, scheme: str) -> Mode:
    if endpoint.use_http_11:
        return Mode.HTTP_11
    return Mode.ALPN if scheme == "https" else Mode.H2C
