"""Requests as they leave: whose token they carry, who signs them, and what is made of odd answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request

import pytest
from click.testing import CliRunner, Result

from holdfast_cli import aws_signing
from holdfast_cli.aws_signing import signed_headers
from holdfast_cli.main import main

FUNCTION_URL = "https://abc.lambda-url.eu-central-1.on.aws/invocations?status=paused"


@dataclass
class Listener:
    """A server that keeps what it is sent and answers what it is told to."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"services": []}'
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listening server."""
    told = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def listed(listener: Listener, *arguments: str, **env: str) -> Result:
    """List services."""
    return CliRunner().invoke(main, ["services", "list", "--admin-url", listener.url, *arguments], env=env)


def test_a_token(listener: Listener) -> None:
    """The token goes with every request, as the option or the environment has it; without one nothing does."""
    listed(listener, "--token", "abc")
    listed(listener, HOLDFAST_TOKEN="def")
    listed(listener)
    assert [each.get("authorization") for each in listener.seen] == ["Bearer abc", "Bearer def", None]


@pytest.mark.parametrize("token", ["two words", "line\nline", "ü"])
def test_a_token_that_cannot_be_sent(listener: Listener, token: str) -> None:
    """A token that no header can carry is refused, and not shown."""
    result = listed(listener, HOLDFAST_TOKEN=token)
    assert (result.exit_code, listener.seen) == (2, [])
    assert token not in result.output


def test_a_redirect_gets_no_token(listener: Listener) -> None:
    """Nobody else is told the token, whoever is asked names."""
    listener.status, listener.headers = 302, {"location": f"{listener.url}/elsewhere"}
    result = listed(listener, "--token", "secret")
    assert (result.exit_code, len(listener.seen)) == (1, 1)
    assert result.stderr == "Error: The server answered 302.\n"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "is no admin API"),
        (401, b'{"message": "a token"}', "set HOLDFAST_TOKEN, or --token"),
        (403, b'{"Message": "Forbidden"}', "IAM has to let you in"),
        (500, b"[]", "The server answered 500."),
        (409, b'{"message": "busy", "restate_code": "RT1"}', "busy (RT1)"),
        (409, b'{"message": "two\\nlines and \\u001b[2J"}', "two lines and \ufffd[2J"),
    ],
)
def test_odd_answers(listener: Listener, status: int, body: bytes, words: str) -> None:
    """Whatever is answered, it is one sentence and exit code 1."""
    listener.status, listener.body = status, body
    result = listed(listener)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert words in result.stderr


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:9070", "http://", "http://[", ""])
def test_urls_that_are_none(url: str) -> None:
    """What is no URL of HTTP is a usage problem."""
    result = CliRunner().invoke(main, ["services", "list", "--admin-url", url])
    assert (result.exit_code, "--admin-url takes a URL such as" in result.stderr) == (2, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:x", "http://127.0.0.1:1/ü"])
def test_urls_that_lead_nowhere(url: str) -> None:
    """A URL at which nobody can be asked is a failure in one sentence."""
    result = CliRunner().invoke(main, ["services", "list", "--admin-url", url])
    assert (result.exit_code, "cannot be reached" in result.stderr) == (1, True)


def test_advice_fits_the_place() -> None:
    """Whether `holdfast dev` runs is asked only of this machine."""
    arguments = ["services", "list", "--admin-url", "http://0.0.0.0:1"]
    elsewhere = CliRunner().invoke(main, arguments, env={"no_proxy": "*"})
    assert (elsewhere.exit_code, "holdfast dev" in elsewhere.stderr) == (1, False)
    assert "is --admin-url or --stack right?" in elsewhere.stderr


def test_a_proxy_is_not_for_loopback(listener: Listener) -> None:
    """A proxy that the environment names is not asked for this machine's own servers."""
    assert listed(listener, http_proxy="http://127.0.0.1:1").exit_code == 0


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials in the environment, and none that were found before."""
    for name, value in (("ACCESS_KEY_ID", "AKID"), ("SECRET_ACCESS_KEY", "secret"), ("SESSION_TOKEN", "session")):
        monkeypatch.setenv(f"AWS_{name}", value)
    aws_signing._credentials.cache_clear()
    yield
    aws_signing._credentials.cache_clear()


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        (FUNCTION_URL, "/eu-central-1/lambda/aws4_request"),
        ("https://abc.execute-api.us-east-1.amazonaws.com/x", "/us-east-1/execute-api/aws4_request"),
    ],
)
def test_requests_to_aws_are_signed(credentials: None, address: str, scope: str) -> None:
    """A URL of AWS is asked with a signature for the service and the region that it names."""
    headers = signed_headers("GET", address, b"")
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert scope in headers["authorization"]
    assert headers["x-amz-security-token"] == "session"


@pytest.mark.parametrize("host", ["127.0.0.1", "on.aws.example.com", "x.lambda-url.eu-central-1.on.aws.example.com"])
def test_nobody_else_gets_a_signature(credentials: None, host: str) -> None:
    """A host that only looks like AWS learns nothing."""
    assert signed_headers("GET", f"https://{host}/", b"") == {}


def test_aws_gets_no_token(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the environment has for another server is not sent where a signature is asked for."""
    sent: list[Request] = []

    class Opener:
        def open(self, request: Request, timeout: float | None) -> None:
            sent.append(request)
            raise OSError("far away")

    monkeypatch.setattr("holdfast_cli.web.build_opener", lambda *_: Opener())
    CliRunner().invoke(main, ["services", "list", "--admin-url", FUNCTION_URL], env={"HOLDFAST_TOKEN": "secret"})
    assert (sent[0].get_header("Authorization") or "").startswith("AWS4-HMAC-SHA256")


def test_a_signature_is_of_the_body(credentials: None) -> None:
    """What is signed includes the body, so that nobody can put another in its place."""
    first, second = (signed_headers("POST", FUNCTION_URL, body) for body in (b"{}", json.dumps([1]).encode()))
    assert first["authorization"].rpartition("=")[2] != second["authorization"].rpartition("=")[2]
