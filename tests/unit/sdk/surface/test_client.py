"""Our client: what it asks the ingress, and what it makes of the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

import holdfast

accounts = holdfast.VirtualObject("Accounts")
jobs = holdfast.Workflow("Jobs")


@accounts.handler()
async def deposit(ctx: holdfast.ObjectContext, amount: int) -> int:
    """Stand for a handler."""
    raise NotImplementedError


@accounts.handler(kind="shared")
async def balance(ctx: holdfast.ObjectSharedContext) -> int:
    """Stand for a handler without an input."""
    raise NotImplementedError


@jobs.main()
async def run(ctx: holdfast.WorkflowContext, name: str) -> str:
    """Stand for a workflow's run."""
    raise NotImplementedError


Answering = Callable[[httpx.Request], httpx.Response]


def client_of(answering: Answering) -> holdfast.Client:
    """Return a client whose requests end here."""
    return holdfast.Client("http://ingress.example/base", transport=httpx.MockTransport(answering))


def seen_by(use: Callable[[holdfast.Client], object], answer: object = None) -> httpx.Request:
    """Return the request that a use of the client makes; it is answered with JSON."""
    requests: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=answer)

    with client_of(answering) as client:
        use(client)
    [request] = requests
    return request


ACCEPTED = {"invocationId": "inv_1", "status": "Accepted"}


@pytest.mark.parametrize(
    ("use", "answer", "path"),
    [
        (lambda c: c.object_call(deposit, "a/b", 1), 1, "/base/restate/call/Accounts/a%2Fb/deposit"),
        (lambda c: c.object_send(deposit, "k", 1), ACCEPTED, "/base/restate/send/Accounts/k/deposit"),
        (
            lambda c: c.object_send(deposit, "k", 1, send_delay=timedelta(seconds=1.5)),
            ACCEPTED,
            "/base/restate/send/Accounts/k/deposit?delay=1500ms",
        ),
        (lambda c: c.scope("t").object_call(deposit, "k", 1), 1, "/base/restate/scope/t/call/Accounts/k/deposit"),
        (lambda c: c.generic_call("S", "h", b""), 1, "/base/restate/call/S/h"),
        (lambda c: c.generic_send("S", "h", b"", "k"), ACCEPTED, "/base/restate/send/S/k/h"),
        (lambda c: c.workflow_attach(run, "k"), "x", "/base/restate/workflow/Jobs/k/attach"),
        (lambda c: c.workflow_output(run, "k"), "x", "/base/restate/workflow/Jobs/k/output"),
        (lambda c: c.resolve_awakeable("sign_1x", 1), None, "/base/restate/awakeables/sign_1x/resolve"),
        (lambda c: c.reject_awakeable("sign_1x", "no"), None, "/base/restate/awakeables/sign_1x/reject"),
    ],
)
def test_paths(use: Callable[[holdfast.Client], object], answer: object, path: str) -> None:
    """Each way to use a client is one request of the ingress API."""
    assert seen_by(use, answer).url.raw_path.decode() == path


def test_what_travels() -> None:
    """Input, content type, idempotency key, limit key and the caller's own headers are in the request."""

    def use(client: holdfast.Client) -> int:
        scoped = client.scope("t")
        return scoped.object_call(deposit, "k", 7, idempotency_key="i", limit_key="a/b", headers={"X-Mine": "1"})

    request = seen_by(use, 7)
    assert request.content == b"7"
    wanted = {
        "content-type": "application/json",
        "idempotency-key": "i",
        "x-restate-limit-key": "a/b",
        "x-mine": "1",
    }
    assert wanted.items() <= dict(request.headers).items()


def test_no_input_is_no_content_type() -> None:
    """A handler that takes nothing is called with nothing."""
    request = seen_by(lambda c: c.object_call(balance, "k", None), 7)
    assert "content-type" not in request.headers
    assert request.content == b""


def test_a_workflow_within_a_scope_is_named_in_a_body() -> None:
    """A scope has no place in the path of a workflow's result, so the workflow is named as JSON."""
    request = seen_by(lambda c: c.scope("t").workflow_attach(run, "k"), "x")
    assert request.url.path == "/base/restate/attach"
    assert json.loads(request.content) == {
        "target": "workflow",
        "workflowName": "Jobs",
        "workflowKey": "k",
        "scope": "t",
    }


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (402, {"code": 402, "message": "no", "source": "invocation"}, holdfast.InvocationFailed, "no"),
        (404, {"code": 404, "message": "no", "source": "invocation"}, holdfast.InvocationFailed, "no"),
        (404, {"code": 404, "message": "who?", "source": "ingress"}, holdfast.NotFound, "who?"),
        (470, {"message": "wait", "source": "ingress"}, holdfast.NotCompleted, "wait"),
        (400, {"message": "bad", "source": "ingress"}, holdfast.ClientError, "bad"),
        (502, "a proxy's words", holdfast.ClientError, '"a proxy\'s words"'),
        (502, None, holdfast.ClientError, "HTTP status 502"),
    ],
)
def test_errors(status: int, body: object, error: type[holdfast.ClientError], message: str) -> None:
    """Who failed decides the class, and the message is the one that was answered."""
    content = b"" if body is None else json.dumps(body).encode()
    with client_of(lambda _: httpx.Response(status, content=content)) as client, pytest.raises(error) as failed:
        client.object_call(deposit, "k", 1)
    assert type(failed.value) is error
    assert (failed.value.message, failed.value.status_code) == (message, status)


def test_no_answer() -> None:
    """A connection that breaks is an error of its own."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with client_of(broken) as client, pytest.raises(holdfast.IngressUnreachable, match="refused"):
        client.object_call(deposit, "k", 1)


async def test_the_same_in_an_event_loop() -> None:
    """The asynchronous client says and reads the same."""
    requests: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=ACCEPTED if "send" in request.url.path else 7)

    transport = httpx.MockTransport(answering)
    async with holdfast.AsyncClient("http://ingress.example", transport=transport) as client:
        sent = await client.object_send(deposit, "k", 1)
        assert await client.attach(sent) == 7
    assert [request.url.path for request in requests] == ["/restate/send/Accounts/k/deposit", "/restate/attach/inv_1"]


def test_only_handlers_can_be_called() -> None:
    """A function that is no handler is refused before anything is sent."""

    async def stranger(ctx: holdfast.Context, value: int) -> int:
        return value

    with client_of(lambda _: httpx.Response(200)) as client, pytest.raises(holdfast.DefinitionError):
        client.service_call(stranger, 1)


def test_without_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where httpx is not installed, making a client says what to install."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(holdfast.UsageError, match=r"\[client\]"):
        holdfast.Client("http://ingress.example")
