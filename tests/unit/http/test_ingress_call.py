"""Calls through the ingress: every spelling, what the handler gets, what the caller gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from holdfast_engine.engine import Submission
from holdfast_engine.errors import Throttled
from holdfast_engine.records import Failure, Outcome, Target
from holdfast_http.ingress.app import Ingress
from tests.support.fake_engine import NOW_MS, FakeEngine
from tests.support.requests import ask, content, header, post


@pytest.fixture
def engine() -> FakeEngine:
    """An engine that answers with the body."""
    return FakeEngine()


@pytest.fixture
def ingress(engine: FakeEngine) -> Ingress:
    """The ingress in front of it."""
    return Ingress(engine.as_engine, now_ms=lambda: NOW_MS)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/Greeter/greet", Target(service="Greeter", key=None, handler="greet")),
        ("/Greeter/greet/", Target(service="Greeter", key=None, handler="greet")),
        ("/restate/call/Greeter/greet", Target(service="Greeter", key=None, handler="greet")),
        ("/Counter/a%2Fb/add", Target(service="Counter", key="a/b", handler="add")),
        ("/Counter/send/add", Target(service="Counter", key="send", handler="add")),
        ("/restate/call/Counter/k/get", Target(service="Counter", key="k", handler="get")),
        ("/restate/scope/s/call/Counter/k/add", Target(service="Counter", key="k", handler="add", scope="s")),
        ("/Signup/ada/run", Target(service="Signup", key="ada", handler="run")),
    ],
)
async def test_paths(ingress: Ingress, engine: FakeEngine, path: str, target: Target) -> None:
    """Both spellings of a path reach the target they name, keys decoded."""
    answer = await post(ingress, path, '"x"')
    assert (answer.status, answer.body) == (200, b'"x"')
    assert engine.submissions[0].target == target


async def test_get_calls_as_well(ingress: Ingress) -> None:
    """A GET is a call without a body, for browsers and health checks."""
    assert (await ask(ingress, "GET", "/Counter/k/get")).status == 200


async def test_input_headers(ingress: Ingress, engine: FakeEngine) -> None:
    """The handler gets the client's headers, but not those of the connection nor what only the ingress may say."""
    await post(
        ingress,
        "/Greeter/any?x=1",
        "1",
        x_tenant="t1",
        traceparent="00-1",
        connection="keep-alive",
        host="example.com",
        idempotency_key="k",
        idempotency_expires="1",
        x_restate_id="forged",
        x_restate_ingress_path="forged",
    )
    assert dict(engine.submissions[0].headers) == {
        "content-type": "application/json",
        "x-tenant": "t1",
        "traceparent": "00-1",
        "x-restate-ingress-path": "/Greeter/any",
    }
    assert engine.submissions[0].idempotency_key == "k"


async def test_success_headers(ingress: Ingress) -> None:
    """A fresh result carries the invocation's id and the declared content type, and does not say when it expires."""
    answer = await post(ingress, "/Greeter/greet", '"x"')
    assert header(answer, "content-type") == "application/json"
    assert (header(answer, "x-restate-id") or "").startswith("inv_1")
    assert header(answer, "idempotency-expires") is None


@pytest.mark.parametrize(
    ("path", "value", "content_type"),
    [
        ("/Greeter/any", b"x", "application/json"),
        ("/Greeter/any", b"", None),
        ("/Greeter/greet", b"", None),
        ("/Greeter/bytes", b"\xff", "application/octet-stream"),
        ("/Greeter/bytes", b"", "application/octet-stream"),
    ],
)
async def test_output_rules(path: str, value: bytes, content_type: str | None) -> None:
    """The content type of a result follows the handler's declaration, and an empty one has none unless it says so."""

    async def answering(_: Submission) -> Outcome:
        return Outcome(value=value)

    ingress = Ingress(FakeEngine(answering).as_engine, now_ms=lambda: NOW_MS)
    answer = await post(ingress, path, '"x"')
    assert (answer.status, answer.body, header(answer, "content-type")) == (200, value, content_type)


@pytest.mark.parametrize(("code", "status"), [(418, 418), (500, 500), (570, 570), (200, 500), (0, 500), (1000, 500)])
async def test_a_failed_invocation(code: int, status: int) -> None:
    """A terminal error answers with its own code where that is an HTTP error, and says that the invocation failed."""

    async def answering(_: Submission) -> Outcome:
        return Outcome(failure=Failure(code=code, message="no tea", metadata=(("pot", "empty"),)))

    ingress = Ingress(FakeEngine(answering).as_engine, now_ms=lambda: NOW_MS)
    answer = await post(ingress, "/Greeter/greet", '"x"')
    assert answer.status == status
    assert content(answer) == {
        "code": code,
        "message": "no tea",
        "source": "invocation",
        "metadata": {"pot": "empty"},
    }
    assert header(answer, "x-restate-error-source") == "invocation"
    assert (header(answer, "x-restate-id") or "").startswith("inv_1")


async def test_idempotent_duplicates() -> None:
    """A duplicate that comes in time waits for the same run; a later one gets the stored bytes and their expiry."""
    release = asyncio.Event()

    async def answering(submission: Submission) -> Outcome:
        await release.wait()
        return Outcome(value=submission.body)

    engine = FakeEngine(answering)
    ingress = Ingress(engine.as_engine, now_ms=lambda: NOW_MS)
    both = [
        asyncio.create_task(post(ingress, "/Greeter/greet", body, idempotency_key="k")) for body in ('"one"', '"two"')
    ]
    await asyncio.sleep(0.01)
    release.set()
    first, second = await asyncio.gather(*both)
    assert first.body == second.body == b'"one"'
    assert header(first, "x-restate-id") == header(second, "x-restate-id")
    late = await post(ingress, "/Greeter/greet", '"three"', idempotency_key="k")
    assert late.body == b'"one"'
    assert header(late, "idempotency-expires") == "2027-01-16T08:00:00.000Z"


async def test_a_workflow_runs_once(ingress: Ingress) -> None:
    """A second call of a workflow's run is a conflict, and names the first one."""
    first = await post(ingress, "/Signup/ada/run")
    answer = await post(ingress, "/Signup/ada/run")
    assert (first.status, answer.status, content(answer)["source"]) == (200, 409, "ingress")
    assert header(answer, "x-restate-id") == header(first, "x-restate-id")


REFUSED: list[Any] = [
    pytest.param("/Nobody/greet", {}, 404, "Nobody", id="unknown-service"),
    pytest.param("/Greeter/nothing", {}, 404, "nothing", id="unknown-handler"),
    pytest.param("/Counter/add", {}, 400, "Counter/<key>/<handler>", id="missing-key"),
    pytest.param("/Counter//add", {}, 400, "Counter/<key>/<handler>", id="empty-key"),
    pytest.param("/Greeter/key/greet", {}, 400, "Greeter/<handler>", id="key-of-a-plain-service"),
    pytest.param("/restate/call/Counter/add", {}, 400, "Counter/<key>/<handler>", id="missing-key-spelled"),
    pytest.param("/restate/call", {}, 404, "''", id="no-service"),
    pytest.param("/Greeter/greet?delay=1s", {}, 400, "delay", id="delay-of-a-call"),
    pytest.param("/Greeter/greet", {"idempotency_key": ""}, 400, "empty", id="empty-idempotency-key"),
    pytest.param("/Signup/ada/run", {"idempotency_key": "k"}, 400, "once per workflow key", id="key-on-a-workflow"),
    pytest.param("/Greeter/greet?limit-key=l", {}, 400, "scope", id="limit-key-without-scope"),
    pytest.param("/Greeter/greet", {"x_restate_limit_key": "l"}, 400, "scope", id="limit-key-header"),
    pytest.param("/Greeter/greet?x=%FF", {}, 400, "decode", id="query"),
    pytest.param("/Counter/%FF/add", {}, 400, "UTF-8", id="path"),
    pytest.param("/", {}, 400, "/restate/health", id="root"),
    pytest.param("/favicon.ico", {}, 400, "/restate/health", id="one-part"),
    pytest.param("/a/b/c/d/e/f/g/h", {}, 400, "/restate/health", id="eight-parts"),
    pytest.param("/restate/nothing", {}, 404, "/restate/health", id="unknown-own-path"),
]


@pytest.mark.parametrize(("path", "headers", "status", "word"), REFUSED)
async def test_refused(
    ingress: Ingress, engine: FakeEngine, path: str, headers: dict[str, str], status: int, word: str
) -> None:
    """What cannot be called so is refused with one sentence, and no invocation comes of it."""
    answer = await post(ingress, path, '"x"', **headers)
    assert answer.status == status
    problem = content(answer)
    assert (problem["code"], problem["source"]) == (status, "ingress")
    assert word in problem["message"]
    assert header(answer, "x-restate-error-source") == "ingress"
    assert engine.submissions == []


@pytest.mark.parametrize(
    ("path", "code"), [("/Nobody/greet", "HF-0404"), ("/Counter/add", "HF-0401"), ("/Greeter/greet", "HF-0402")]
)
async def test_codes(ingress: Ingress, path: str, code: str) -> None:
    """A refusal carries the code under which the documentation explains it."""
    assert content(await post(ingress, path, "5"))["holdfast_code"] == code


async def test_a_limit_key_with_a_scope(ingress: Ingress, engine: FakeEngine) -> None:
    """A limit key goes along where the path has a scope."""
    await post(ingress, "/restate/scope/s/call/Greeter/greet", '"x"', x_restate_limit_key="l")
    await post(ingress, "/restate/scope/s/call/Greeter/greet?limit-key=m", '"x"')
    assert [each.limit_key for each in engine.submissions] == ["l", "m"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_methods(ingress: Ingress, method: str) -> None:
    """Other methods are refused, and the answer says which there are."""
    answer = await ask(ingress, method, "/Greeter/greet")
    assert (answer.status, header(answer, "allow")) == (405, "GET, POST")


async def test_overload() -> None:
    """Beyond the bound of waiting requests a caller is asked to come back, and nothing is started."""
    release = asyncio.Event()

    async def answering(submission: Submission) -> Outcome:
        await release.wait()
        return Outcome(value=submission.body)

    engine = FakeEngine(answering)
    ingress = Ingress(engine.as_engine, now_ms=lambda: NOW_MS, waiting_max=1)
    first = asyncio.create_task(post(ingress, "/Greeter/greet", '"x"'))
    await asyncio.sleep(0.01)
    answer = await post(ingress, "/Greeter/greet", '"y"')
    assert (answer.status, header(answer, "retry-after")) == (429, "1")
    problem = content(answer)
    assert (problem["code"], problem["source"], problem["holdfast_code"]) == (429, "ingress", "HF-0429")
    assert problem["message"].startswith("1 requests are waiting")
    assert len(engine.submissions) == 1
    release.set()
    assert (await first).status == 200


async def test_a_throttled_store() -> None:
    """When the store limits the rate of requests, so does the answer."""

    async def throttled(_: Submission) -> Outcome:
        raise Throttled("the table says so")

    ingress = Ingress(FakeEngine(throttled).as_engine, now_ms=lambda: NOW_MS)
    answer = await post(ingress, "/Greeter/greet", '"x"')
    assert (answer.status, header(answer, "retry-after")) == (429, "1")
    assert content(answer)["holdfast_code"] == "HF-0512"


async def test_stopping() -> None:
    """Who waits when the server stops is told that the invocation goes on."""
    engine = FakeEngine(lambda _: asyncio.Event().wait())  # type: ignore[arg-type, return-value]
    ingress = Ingress(engine.as_engine, now_ms=lambda: NOW_MS)
    waiting = asyncio.create_task(post(ingress, "/Greeter/greet", '"x"'))
    await asyncio.sleep(0.01)
    ingress.waiting_room.release()
    answer = await waiting
    assert (answer.status, header(answer, "retry-after")) == (503, "1")
    assert "goes on" in content(answer)["message"]
    await ingress.waiting_room.close()


async def test_a_bug_of_ours(engine: FakeEngine, caplog: pytest.LogCaptureFixture) -> None:
    """A bug becomes a 500 without its insides, and a line in the log with them."""

    async def answering(_: Submission) -> Outcome:
        raise AssertionError("epoch went backwards")

    engine.answering = answering
    ingress = Ingress(engine.as_engine, now_ms=lambda: NOW_MS)
    answer = await post(ingress, "/Greeter/greet?token=secret", '"secret"', authorization="secret")
    assert answer.status == 500
    assert "epoch" not in content(answer)["message"]
    assert "POST /Greeter/greet failed" in caplog.text
    assert "epoch went backwards" in caplog.text
    assert "secret" not in caplog.text


async def test_cross_origin(ingress: Ingress) -> None:
    """A page of any origin may call, is told so before, and may read the headers of the answer."""
    asked = await ask(
        ingress,
        "OPTIONS",
        "/Greeter/greet",
        headers={
            "origin": "https://example.com",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,authorization",
        },
    )
    assert asked.status == 204
    assert header(asked, "access-control-allow-origin") == "*"
    assert header(asked, "access-control-allow-headers") == "content-type,authorization"
    for path, status in (("/Greeter/greet", 200), ("/Nobody/greet", 404)):
        answer = await post(ingress, path, '"x"', origin="https://example.com")
        assert answer.status == status
        assert header(answer, "access-control-allow-origin") == "*"
        assert header(answer, "access-control-expose-headers") == "*"
    assert header(await post(ingress, "/Greeter/greet", '"x"'), "access-control-allow-origin") is None


async def test_health(ingress: Ingress) -> None:
    """The health check names the services."""
    answer = await ask(ingress, "GET", "/restate/health")
    assert (answer.status, content(answer)) == (200, {"services": ["Counter", "Greeter", "Hidden", "Signup"]})
    assert (await ask(ingress, "POST", "/restate/health")).status == 405
