"""Whatever is asked, both APIs answer, and never with a fault of their own."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from holdfast_http.admin.app import Admin
from holdfast_http.ingress.app import Ingress
from holdfast_http.messages import App, Request
from tests.support.fake_engine import NOW_MS, FakeEngine

WORDS = [
    *("restate", "call", "send", "attach", "output", "lookup", "invocation", "workflow", "scope", "awakeables", "a"),
    *("resolve", "reject", "health", "Greeter", "greet", "any", "bytes", "Counter", "add", "get", "Signup", "run", "k"),
    *("v1", "v3", "deployments", "services", "handlers", "invocations", "cancel", "kill", "version", "Hidden", "work"),
    *("inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz", "sign_1AAECAwQFBgcICQoLDA0ODxAREhMUFRYXAAAAEQ", "", "%2F", "%FF", "ü"),
]
SEGMENTS = st.lists(st.sampled_from(WORDS) | st.text(st.characters(min_codepoint=33, max_codepoint=126)), max_size=8)
TARGETS = [
    {"target": "invocation", "invocationId": "inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz"},
    {"target": "workflow", "workflowName": "Signup", "workflowKey": "k"},
    {"uri": "http://127.0.0.1:9080", "force": True},
]
NAMES = st.sampled_from(["target", "uri", "force", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
)
BODIES = st.binary(max_size=50) | (JSON | st.sampled_from(TARGETS)).map(lambda each: json.dumps(each).encode())
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "idempotency-key", "origin", "x-restate-limit-key", "x", "cookie"]),
        st.sampled_from(["application/json", "text/plain", ";", "k"]) | st.text(st.characters(max_codepoint=255)),
    ),
    max_size=4,
).map(tuple)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]),
    path=SEGMENTS.map(lambda segments: "/" + "/".join(segments)),
    query=st.sampled_from(["", "delay=1s", "delay=x", "mode=kill", "mode=x", "limit-key=l"]) | st.text(max_size=20),
    headers=HEADERS,
    body=BODIES,
)


async def _check(app: App, request: Request) -> None:
    answer = await app.handle(request)
    assert 200 <= answer.status < 500
    if answer.status >= 400:
        problem = json.loads(answer.body)
        assert problem["message"]
        assert "\n" not in problem["message"]
    for name, value in answer.headers:
        assert name == name.lower()
        value.encode("latin-1")


@given(REQUESTS)
@example(Request(method="POST", path="/Counter/%C3%BC/add", query="", headers=(), body=b""))
async def test_the_ingress(request: Request) -> None:
    """The ingress answers any request with a result or with one sentence on what is wrong with it."""
    await _check(Ingress(FakeEngine().as_engine, now_ms=lambda: NOW_MS), request)


@given(REQUESTS)
async def test_the_admin_api(request: Request) -> None:
    """So does the admin API."""
    await _check(Admin(FakeEngine().as_engine, product_version="1", ingress_url=""), request)
