"""Restate's own SDK as a Lambda function: with a grant many steps per invocation, without one what it always was."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import restate
from restate.aws_lambda import zstd_compress
from restate.endpoint import Endpoint

from holdfast.adapters.restate import handler
from holdfast.errors import DefinitionError
from holdfast_protocol.envelope import request_envelope
from holdfast_protocol.grants import Reached, grant_headers, takes_grants
from tests.support.scripted_server import ScriptedServer, answer, error, scripted_server
from tests.unit.sdk.aws_lambda.functions import (
    Context,
    answered,
    appended,
    event,
    grant,
    lambda_environment,
)
from tests.unit.sdk.surface.test_identity import KEY


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The function's DynamoDB; it accepts everything unless it was given a script."""
    with scripted_server(*getattr(request, "param", (answer(),))) as server:
        lambda_environment(monkeypatch, server.url)
        yield server


def _services() -> list[restate.Service]:
    service = restate.Service("Tested")

    def step(number: int) -> int:
        return number

    @service.handler()
    async def work(ctx: restate.Context, _: int) -> int:
        return sum([await ctx.run_typed(f"step {number}", step, number=number) for number in range(10)])

    @service.handler()
    async def message(ctx: restate.Context, _: int) -> None:
        await ctx.run_typed("before", lambda: 1)
        ctx.generic_send("Other", "handler", b"")
        await ctx.run_typed("after", lambda: 1)

    @service.handler()
    async def nap(ctx: restate.Context, _: int) -> None:
        await ctx.sleep(timedelta(days=1))

    @service.handler()
    async def loop_of(ctx: restate.Context, _: int) -> int:
        return id(asyncio.get_running_loop())

    return [service]


def test_ten_steps_are_one_invocation(server: ScriptedServer) -> None:
    """With a grant each step is appended, and the handler ends in its first invocation."""
    ended = answered(handler(_services())(event("work", grant()), Context()))
    assert ended.types == ["OUTPUT", "END"]
    assert ended.output == b"45"
    assert [appended(received) for received in server.received] == [["RUN", "RUN_COMPLETION"]] * 10
    assert ended.reached is not None
    assert ended.reached.slot.length == 21


def test_without_a_grant_nothing_changes(server: ScriptedServer) -> None:
    """Without a grant an awaited step ends the attempt, as the SDK has it."""
    suspended = answered(handler(_services())(event("work", None), Context()))
    assert suspended.types == ["RUN", "PROPOSE_RUN_COMPLETION", "SUSPENSION"]
    assert suspended.reached is None
    assert not server.received


def test_what_it_waits_for_ends_the_attempt(server: ScriptedServer) -> None:
    """An attempt that has to wait suspends, and nothing was appended for it."""
    granted = grant()
    suspended = answered(handler(_services())(event("nap", granted), Context()))
    assert suspended.types == ["SLEEP", "SUSPENSION"]
    assert suspended.reached == Reached(slot=granted.slot, is_certain=True)


def test_what_others_wait_for_leaves_before_the_next_step(server: ScriptedServer) -> None:
    """A message behind a step leaves with the next result, in the answer, and another attempt follows at once."""
    suspended = answered(handler(_services())(event("message", grant()), Context()))
    assert suspended.types == ["ONE_WAY_CALL", "RUN", "RUN_COMPLETION", "SUSPENSION"]
    assert [appended(received) for received in server.received] == [["RUN", "RUN_COMPLETION"]]


@pytest.mark.parametrize("server", [(answer(), error("ConditionalCheckFailedException"))], indirect=True, ids=[""])
def test_a_fenced_attempt_is_cut_off(server: ScriptedServer) -> None:
    """When an append is refused, the answer is an error that nobody reads."""
    assert answered(handler(_services())(event("work", grant()), Context())).types == ["ERROR"]
    assert len(server.received) == 2


def test_an_attempt_yields_to_the_next(server: ScriptedServer) -> None:
    """With hardly any time left the attempt suspends for what it has just stored."""
    suspended = answered(handler(_services())(event("work", grant()), Context([60_000, 60_000, 100])))
    assert suspended.types == ["SUSPENSION"]
    assert suspended.reached is not None
    assert suspended.reached.slot.length == 1 + sum(len(appended(received)) for received in server.received)


def test_discovery_says_that_it_takes_grants(server: ScriptedServer) -> None:
    """A dispatcher sees in the name of the SDK that grants are of use, and which SDK is behind it."""
    headers = {"accept": "application/vnd.restate.endpointmanifest.v3+json"}
    found = answered(handler(_services())(request_envelope(path="/discover", headers=headers, method="GET"), None))
    assert takes_grants(found.headers["x-restate-server"])
    assert "restate-sdk-python/" in found.headers["x-restate-server"]
    assert json.loads(found.text)["services"][0]["name"] == "Tested"


def test_on_lambda(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK wraps its application for Lambda by itself, the steps are one invocation all the same."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "function")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-0-0")
    function = handler(_services())
    assert answered(function(event("work", grant()), Context())).output == b"45"
    assert answered(function(event("work", None), Context())).types[-1] == "SUSPENSION"


def test_a_compressed_request(server: ScriptedServer) -> None:
    """A large request that the dispatcher compressed is read, since the SDK says in discovery that it may."""
    plain = event("work", grant())
    body = base64.b64encode(zstd_compress(base64.b64decode(plain["body"]))).decode()
    compressed: dict[str, Any] = {**plain, "body": body, "headers": {**plain["headers"], "content-encoding": "zstd"}}
    assert answered(handler(_services())(compressed, Context())).output == b"45"


def test_requests_share_a_loop(server: ScriptedServer) -> None:
    """What one request makes for the event loop is of use in the next, with a grant or without."""
    function = handler(_services())
    first, second = (answered(function(event("loop_of", granted), Context())) for granted in (grant(), None))
    assert first.output == second.output


def test_an_endpoint_may_be_given(server: ScriptedServer) -> None:
    """A whole endpoint is taken as it is, with its keys."""
    endpoint = Endpoint()
    endpoint.bind(*_services())
    assert answered(handler(endpoint)(event("work", grant()), Context())).output == b"45"
    refused = answered(handler(endpoint, [KEY])(event("work", grant()), Context()))
    assert refused.status == 401


@pytest.mark.parametrize(("name", "granted"), [("nobody", True), ("nobody", False)])
def test_what_is_not_served(server: ScriptedServer, name: str, granted: bool) -> None:
    """A handler that does not exist is refused as the SDK refuses it."""
    assert answered(handler(_services())(event(name, grant() if granted else None), Context())).status == 404


def test_an_incomplete_journal_is_refused(server: ScriptedServer) -> None:
    """A request that breaks off is an answer with a sentence, and nothing runs."""
    broken = event("work", grant())
    broken["body"] = base64.b64encode(base64.b64decode(broken["body"])[:-1]).decode()
    refused = answered(handler(_services())(broken, Context()))
    assert (refused.status, "is not an attempt" in refused.text) == (400, True)


def test_a_garbled_grant_is_refused(server: ScriptedServer) -> None:
    """An attempt whose grant cannot be read does not run."""
    headers = {**grant_headers(grant()), "x-holdfast-epoch": "one"}
    refused = answered(handler(_services())(event("work", None, headers=headers), Context()))
    assert (refused.status, "x-holdfast-epoch" in refused.text) == (400, True)


def test_an_application_is_refused() -> None:
    """The application that restate.app returns cannot be taken apart again; the error says what to give instead."""
    with pytest.raises(DefinitionError, match="Give the services"):
        handler(restate.app(_services()))
