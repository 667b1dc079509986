"""Discovery over HTTP: what is asked, and the sentence for everything that can be wrong with the answer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from holdfast_endpoints import http_discovery
from holdfast_endpoints.http_discovery import HttpDiscovery
from holdfast_endpoints.http_pool import HttpPool
from holdfast_engine.endpoints.manifests import PAUSES_S
from holdfast_engine.errors import DiscoveryFailed
from holdfast_engine.registry import Endpoint
from holdfast_protocol.manifest import Manifest
from tests.support.attempts import raw_server

V4 = "application/vnd.restate.endpointmanifest.v4+json"


def _manifest(**changes: Any) -> bytes:
    greeter = {"name": "Greeter", "ty": "SERVICE", "handlers": [{"name": "greet"}]}
    whole = {
        "protocolMode": "BIDI_STREAM",
        "minProtocolVersion": 5,
        "maxProtocolVersion": 7,
        "services": [greeter],
    } | changes
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def _response(status: int = 200, content: bytes | None = None, content_type: str = V4, **more: Any) -> httpx.Response:
    body = _manifest() if content is None else content
    headers = {"content-type": content_type, "x-restate-server": "restate-sdk-go/0.25.1"}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), **more)


async def _discover(
    respond: Callable[[httpx.Request], httpx.Response], endpoint: Endpoint | None = None
) -> tuple[Manifest, str | None]:
    pool = HttpPool(lambda address, connections_max: httpx.MockTransport(respond))
    where = endpoint or Endpoint(transport="http", address="http://h/base?x=1", additional_headers=(("X-Team", "a"),))
    return await HttpDiscovery(pool, pauses_s=[0.0] * len(PAUSES_S)).discover(where)


async def _failure(respond: Callable[[httpx.Request], httpx.Response]) -> DiscoveryFailed:
    with pytest.raises(DiscoveryFailed) as caught:
        await _discover(respond)
    return caught.value


async def test_the_request_offers_every_manifest_version() -> None:
    """Discovery is a GET of base/discover that accepts all versions, ascending, with configured headers."""
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return _response()

    manifest, sdk_version = await _discover(respond)
    assert (seen[0].method, str(seen[0].url)) == ("GET", "http://h/base/discover?x=1")
    assert seen[0].headers["accept"] == ", ".join(
        f"application/vnd.restate.endpointmanifest.v{version}+json" for version in (1, 2, 3, 4, 5)
    )
    assert seen[0].headers["x-team"] == "a"
    assert (manifest.services[0].name, sdk_version) == ("Greeter", "restate-sdk-go/0.25.1")


async def test_a_streaming_endpoint_is_taken() -> None:
    """An endpoint that could stream both ways is registered all the same, also over HTTP/1.1."""
    manifest, _ = await _discover(lambda request: _response(extensions={"http_version": b"HTTP/1.1"}))
    assert manifest.protocol_mode == "bidi_stream"


@pytest.mark.parametrize(
    ("response", "meta_code", "sentence"),
    [
        (lambda: _response(404), "META0003", "answered 404: there is no SDK endpoint"),
        (lambda: _response(403, b"forbidden"), "META0003", "answered 403 instead of a manifest. It said: 'forbidden'"),
        (lambda: _response(302), "META0003", "answered 302"),
        (lambda: _response(content_type="text/html"), "META0013", "content type 'text/html'"),
        (lambda: _response(content_type=V4.replace("v4", "v9")), "META0013", "too old or too new"),
        (lambda: _response(content=b"<html>"), "META0013", "cannot be used"),
        (lambda: _response(content=b""), "META0013", "cannot be used"),
        (lambda: _response(content=b"[]"), "META0013", "must be an object"),
        (lambda: _response(content=b"\xff\xfe{}"), "META0013", "cannot be used"),
        (lambda: _response(content=b"[" * 100_000), "META0013", "cannot be used"),
        (lambda: _response(content=_manifest(protocolMode=None)), "META0013", "protocolMode"),
        (lambda: _response(content=_manifest(services=[{"name": "x"}])), "META0013", "services[0]"),
        (lambda: _response(content=_manifest(minProtocolVersion=7, maxProtocolVersion=5)), "META0013", "ersion"),
        (
            lambda: _response(content=_manifest(minProtocolVersion=1, maxProtocolVersion=3)),
            "META0012",
            "speaks protocol versions 1 to 3, this server 5 to 7; update the SDK",
        ),
        (
            lambda: _response(content=_manifest(minProtocolVersion=8, maxProtocolVersion=9)),
            "META0012",
            "update the server",
        ),
        (lambda: _response(extensions={"http_version": b"HTTP/1.0"}), "META0015", "wants to stream both ways"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    response: Callable[[], httpx.Response], meta_code: str, sentence: str
) -> None:
    """Every unusable answer is refused at once and for good, with its id and a sentence that names the address."""
    calls: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return response()

    failure = await _failure(respond)
    assert (failure.meta_code, failure.is_retryable, len(calls)) == (meta_code, False, 1)
    assert sentence in str(failure)
    assert "http://h/base/discover" in str(failure)
    assert len(str(failure)) < 400


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_passing_trouble_is_waited_out(status: int) -> None:
    """After a status that may pass discovery is tried again, and succeeds when the trouble is over."""
    statuses = iter([status, status, 200])
    manifest, _ = await _discover(lambda request: _response(next(statuses)))
    assert manifest.services[0].name == "Greeter"


async def test_a_lasting_trouble_is_given_up() -> None:
    """The tries are bounded, and the failure may be tried again later."""
    calls: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return _response(503, b"starting")

    failure = await _failure(respond)
    assert len(calls) == 1 + len(PAUSES_S)
    assert (failure.meta_code, failure.is_retryable) == ("META0003", True)
    assert "answered 503 instead of a manifest. It said: 'starting'" in str(failure)


async def test_an_endpoint_that_is_down_is_said_to_be() -> None:
    """A refused connection is a sentence with the origin, and may be tried again."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DiscoveryFailed, match=f"cannot connect to {uri}") as caught:
            await HttpDiscovery(HttpPool()).discover(Endpoint(transport="http", address=uri))
    assert caught.value.is_retryable


async def test_an_address_that_is_no_url_is_refused() -> None:
    """An address that is not an http(s) URL is a failure for good."""
    with pytest.raises(DiscoveryFailed, match="not an absolute URL") as caught:
        await HttpDiscovery(HttpPool()).discover(Endpoint(transport="http", address="localhost:9080"))
    assert not caught.value.is_retryable


async def test_a_silent_endpoint_is_not_waited_for_long() -> None:
    """An endpoint that takes the request and never answers is a failure that names the wait."""

    async def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async with raw_server(respond) as uri:
        pool = HttpPool()
        endpoint = Endpoint(transport="http", address=uri, use_http_11=True)
        with pytest.raises(DiscoveryFailed, match=r"did not answer within 0\.1 s"):
            await HttpDiscovery(pool, timeout_s=0.1).discover(endpoint)
        await pool.close()


async def test_an_endless_manifest_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest beyond the bound is refused, and the failure names the limit."""
    monkeypatch.setattr(http_discovery, "MANIFEST_BYTES_MAX", 100)
    failure = await _failure(lambda request: _response(content=b" " * 1000))
    assert "larger than 100 bytes" in str(failure)
