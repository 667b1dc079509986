"""Addresses of HTTP endpoints."""

from __future__ import annotations

import pytest

from holdfast_endpoints.http_address import BadAddress, Mode, address_of
from holdfast_engine.endpoints.headers import additional_headers
from holdfast_engine.registry import Endpoint


def _endpoint(uri: str, **options: object) -> Endpoint:
    return Endpoint(transport="http", address=uri, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("http://localhost:9080", "http://localhost:9080/invoke/Greeter/greet"),
        ("http://localhost:9080/", "http://localhost:9080/invoke/Greeter/greet"),
        ("http://localhost:9080/a/b/", "http://localhost:9080/a/b/invoke/Greeter/greet"),
        ("http://localhost:9080/a%20b?x=1&y=%2F", "http://localhost:9080/a%20b/invoke/Greeter/greet?x=1&y=%2F"),
        ("https://example.com/#part", "https://example.com/invoke/Greeter/greet"),
    ],
)
def test_the_handler_comes_after_the_base_path_and_the_query_stays(uri: str, url: str) -> None:
    """A handler's URL is base path, /invoke/service/handler and the base's own query, without its fragment."""
    assert str(address_of(_endpoint(uri), "invoke", "Greeter", "greet").url) == url


def test_a_segment_cannot_leave_its_place() -> None:
    """Slashes, question marks and dots in a name are escaped or harmless, so that they reach no other path."""
    address = address_of(_endpoint("http://h/base"), "invoke", "a/../b", "c?d#e")
    assert address.url.raw_path == b"/base/invoke/a%2F..%2Fb/c%3Fd%23e"


def test_messages_do_not_show_the_query() -> None:
    """The URL as messages show it leaves out the query, which may hold a secret."""
    assert str(address_of(_endpoint("http://h:1/b?token=secret"), "discover")) == "http://h:1/b/discover"


@pytest.mark.parametrize(
    ("uri", "use_http_11", "mode"),
    [
        ("http://h", False, Mode.H2C),
        ("http://h", True, Mode.HTTP_11),
        ("https://h", False, Mode.ALPN),
        ("https://h", True, Mode.HTTP_11),
    ],
)
def test_the_mode_follows_scheme_and_registration(uri: str, use_http_11: bool, mode: Mode) -> None:
    """Plain HTTP is HTTP/2 with prior knowledge and TLS is settled by ALPN, unless HTTP/1.1 was asked for."""
    assert address_of(_endpoint(uri, use_http_11=use_http_11)).mode is mode


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("localhost:9080", "not an absolute URL"),
        ("ftp://h/x", "not an absolute URL"),
        ("http://", "not an absolute URL"),
        ("http://h:notaport", "is not a URL"),
        ("", "not an absolute URL"),
        ("http://user:pw@h/", "contains credentials"),
    ],
)
def test_an_unusable_address_is_refused_with_a_sentence(uri: str, sentence: str) -> None:
    """What is no absolute http(s) URL, or carries credentials, is refused and the message says why."""
    with pytest.raises(BadAddress, match=sentence) as caught:
        address_of(_endpoint(uri))
    assert "pw" not in str(caught.value)


def test_headers_of_the_connection_cannot_be_configured() -> None:
    """Additional headers are lower-cased, and those that describe body or connection are left out."""
    endpoint = _endpoint("http://h", additional_headers=(("X-Team", "a"), ("Content-Length", "7"), ("TE", "x")))
    assert additional_headers(endpoint) == {"x-team": "a"}
