"""Who may use the admin API: whoever has the token, and never a page of another origin."""

from __future__ import annotations

import pytest

from holdfast_http.admin.app import Admin
from holdfast_http.admin.gate import Gate, token_problem
from holdfast_http.messages import Response
from tests.support.fake_engine import FakeEngine
from tests.support.requests import ask, content, header

TOKEN = "0123456789abcdef-xyz"
HOST = {"host": "holdfast.example:9070"}
FORM = {**HOST, "content-type": "application/x-www-form-urlencoded"}


def admin(token: str | None) -> Admin:
    """Return the admin API behind a gate."""
    return Admin(FakeEngine().as_engine, product_version="1", ingress_url="", gate=Gate(token))


async def log_in(token: str = TOKEN, path: str = "/ui/invocations?status=paused", **headers: str) -> Response:
    """Send the form of the login page."""
    return await ask(admin(TOKEN), "POST", path, f"token={token}", {**FORM, **headers})


def cookie_of(answer: Response) -> str:
    """Return the cookie that an answer sets, as a browser sends it back."""
    return (header(answer, "set-cookie") or "").partition(";")[0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, 200),
        ({"authorization": f"bearer  {TOKEN}"}, 200),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer \xff"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": TOKEN}, 401),
        ({"cookie": f"holdfast_9070={TOKEN}"}, 401),
        ({}, 401),
    ],
)
async def test_a_token(headers: dict[str, str], status: int) -> None:
    """Only the whole token lets a request pass, and who has none is told what to send."""
    answer = await ask(admin(TOKEN), "GET", "/services", headers={**HOST, **headers})
    assert answer.status == status
    if status == 401:
        assert "authorization: Bearer" in content(answer)["message"]
        assert header(answer, "www-authenticate") == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/v3/health", 200),
        ("GET", "/", 302),
        ("GET", "/ui/assets/app.css", 200),
        ("POST", "/health", 401),
        ("GET", "/services/health", 401),
        ("GET", "/v9/health", 401),
        ("GET", "/version", 401),
        ("POST", "/query", 401),
        ("POST", "/deployments", 401),
        ("PATCH", "/v3/invocations/inv_1/kill", 401),
        ("GET", "/nothing", 401),
        ("GET", "/ui", 401),
        ("GET", "/ui/", 401),
        ("GET", "/%75i/", 401),
        ("GET", "/ui/assets/../services", 404),
        ("GET", "/%FF", 400),
    ],
)
async def test_what_is_open(method: str, path: str, status: int) -> None:
    """Without the token one learns whether the server is up, and nothing of what it has."""
    assert (await ask(admin(TOKEN), method, path, headers=HOST)).status == status


async def test_logging_in() -> None:
    """The page asks for the token, goes on where one wanted to be, and its cookie passes; no script can read it."""
    asked = await ask(admin(TOKEN), "GET", "/ui/invocations", headers=HOST)
    assert (asked.status, b'name="token"' in asked.body) == (401, True)
    assert "form-action 'self'" in (header(asked, "content-security-policy") or "")
    done = await log_in()
    assert (done.status, header(done, "location")) == (303, "/ui/invocations?status=paused")
    assert (header(done, "set-cookie") or "").endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert TOKEN not in cookie_of(done)
    for headers in ({"cookie": cookie_of(done)}, {"cookie": f"a=b; holdfast_9070=old;{cookie_of(done)}"}):
        for path in ("/services", "/ui/"):
            assert (await ask(admin(TOKEN), "GET", path, headers={**HOST, **headers})).status == 200


async def test_a_cookie_of_another_server() -> None:
    """A cookie is good for one token and one port."""
    cookie = {"cookie": cookie_of(await log_in())}
    assert (await ask(admin(TOKEN + "2"), "GET", "/services", headers={**HOST, **cookie})).status == 401
    other = {"host": "holdfast.example:9071"}
    assert (await ask(admin(TOKEN), "GET", "/services", headers={**other, **cookie})).status == 401


@pytest.mark.parametrize("body", ["", "token=", "token=wrong", "tok=x", "\xff", "token=%FF"])
async def test_a_wrong_login(body: str) -> None:
    """What is not the token sets no cookie, and one is asked again."""
    answer = await ask(admin(TOKEN), "POST", "/ui/", body.encode("latin-1"), FORM)
    assert (answer.status, header(answer, "set-cookie")) == (401, None)
    assert b"That is not the token." in answer.body


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:9070"}, True),
        ({"origin": "http://127.0.0.1:9071"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://127.0.0.1:9070.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "https://ab-9070.tunnel.example", "x-forwarded-host": "ab-9070.tunnel.example"}, True),
        ({"origin": "https://evil.example", "x-forwarded-host": "ab-9070.tunnel.example"}, False),
    ],
)
async def test_pages_of_other_origins(token: str | None, headers: dict[str, str], may: bool) -> None:
    """What a page of another origin sends is refused, whatever it carries; the server's own pages are not."""
    cookie = cookie_of(await ask(admin(TOKEN), "POST", "/ui/", f"token={TOKEN}", {**FORM, "host": "127.0.0.1:9070"}))
    known = {"authorization": f"Bearer {TOKEN}", "cookie": cookie, "host": "127.0.0.1:9070"}
    answer = await ask(admin(token), "GET", "/services", headers={**known, **headers})
    assert answer.status == (200 if may else 403)


async def test_a_login_from_another_origin() -> None:
    """A page of another origin cannot log a browser in."""
    assert (await log_in(origin="http://evil.example")).status == 403
    assert (await log_in(origin="http://holdfast.example:9070")).status == 303


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("127.0.0.1:9070", True),
        ("localhost:9070", True),
        ("LOCALHOST", True),
        ("a.localhost:9070", True),
        ("[::1]:9070", True),
        ("host.docker.internal:9070", True),
        ("evil.docker.internal:9070", False),
        ("192.168.0.7:9070", True),
        ("", True),
        ("evil.example:9070", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[::1", False),
        (":9070", False),
        ("user@evil.example", False),
    ],
)
async def test_names_that_lead_here(host: str, may: bool) -> None:
    """Without a token only names are answered to that nobody can point at this machine behind a browser's back."""
    answer = await ask(admin(None), "GET", "/services", headers={"host": host})
    assert answer.status == (200 if may else 403)
    assert (await ask(admin(TOKEN), "GET", "/health", headers={"host": host})).status == 200


@pytest.mark.parametrize(("token", "word"), [("short", "guessed"), ("é" * 20, "header"), ("a b" * 9, "header")])
def test_tokens_that_are_none(token: str, word: str) -> None:
    """A token that can be guessed, or that no header can carry, is refused with the reason."""
    assert word in (token_problem(token) or "")
    assert token_problem(TOKEN) is None
