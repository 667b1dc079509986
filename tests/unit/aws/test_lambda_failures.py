"""Attempts on Lambda that fail: the function, the call, or the time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
)

from holdfast_aws import lambda_functions
from holdfast_aws.lambda_functions import PAYLOAD_BYTES_MAX, Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_engine.registry import Endpoint
from tests.support.attempts import FixedClock, attempt
from tests.support.fake_lambda import ARN, REGION, FakeLambda
from tests.support.queues import client_error
from tests.unit.aws.functions import (
    OURS,
    TABLE,
    Checkpoint,
    Hanging,
    Raising,
    Reporting,
    deployment,
    failure_of,
    invoke,
    invoke_by,
    ok,
)


async def test_what_a_function_raised_is_told() -> None:
    """Type, message and stack trace of an exception are in the failure."""

    def answer(event: dict[str, Any]) -> Any:
        raise ValueError("no such planet")

    failure = failure_of(await invoke(answer))
    assert (failure.code, failure.rt_code, failure.is_counted) == (500, "RT0010", True)
    assert failure.message == f"{ARN} failed: ValueError: no such planet"
    assert "no such planet" in failure.stacktrace


@pytest.mark.parametrize(
    ("report", "message", "is_counted"),
    [
        ({"errorType": "Runtime.ImportModuleError", "errorMessage": "no module"}, "no module", False),
        ({"errorType": "Extension.Crash"}, "Extension.Crash", False),
        ({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}, "Task timed out", True),
        ({"errorMessage": "RequestId: 1 Error: Runtime exited"}, "Runtime exited", True),
        ({"errorType": "Error", "errorMessage": "x", "trace": ["a", "b"]}, "Error: x", True),
        ({}, "it said nothing", True),
        ([1], "[1]", True),
        ("nothing", '"nothing"', True),
    ],
)
async def test_reports_come_in_many_forms(report: Any, message: str, is_counted: bool) -> None:
    """Every runtime's report is read, and code that could not be loaded does not count as run."""
    failure = failure_of(await invoke_by(Reporting(json.dumps(report).encode())))
    assert message in failure.message
    assert (failure.rt_code, failure.is_counted) == ("RT0010", is_counted)


async def test_a_report_is_bounded() -> None:
    """A report of megabytes leaves a few thousand characters."""
    failure = failure_of(await invoke_by(Reporting(b"x" * 1_000_000)))
    assert len(failure.message) < 9_000
    report = json.dumps({"errorMessage": "m" * 10**6, "stackTrace": ["s" * 10**6]}).encode()
    failure = failure_of(await invoke_by(Reporting(report)))
    assert max(len(failure.message), len(failure.stacktrace)) < 9_000


async def test_an_answer_beyond_6_mb_is_said_to_be() -> None:
    """When Lambda does not carry an answer the failure names the limit and what to do."""
    failure = failure_of(await invoke(lambda event: ok(b"x" * 5_000_000)))
    assert (failure.code, failure.rt_code) == (413, "RT0003")
    assert f"{PAYLOAD_BYTES_MAX} bytes (6 MB)" in failure.message
    assert "bucket" in failure.message


async def test_a_stand_in_without_limits_gets_ours() -> None:
    """An answer that Lambda would not have carried is not read into memory either."""
    failure = failure_of(await invoke_by(Reporting(b"x" * (PAYLOAD_BYTES_MAX + 2000), has_failed=False)))
    assert (failure.code, failure.rt_code) == (413, "RT0003")


@pytest.mark.parametrize(
    ("error", "code", "rt_code", "is_counted", "sentence"),
    [
        (client_error("TooManyRequestsException", status=429), 429, "RT0010", False, "limits how often"),
        (client_error("ResourceNotFoundException", status=404), 404, "RT0010", False, "no such function"),
        (client_error("AccessDeniedException", status=403), 403, "RT0010", False, "lambda:InvokeFunction"),
        (client_error("RecursiveInvocationException"), 400, "RT0010", False, "RecursiveLoop"),
        (client_error("RequestTooLargeException", status=413), 413, "RT0019", False, "6 MB"),
        (client_error("ServiceException", status=500), 500, "RT0010", True, "calling"),
        (
            client_error("AccessDenied", status=403, operation="AssumeRole"),
            403,
            "RT0010",
            False,
            "assume the deployment's role",
        ),
        (EndpointConnectionError(endpoint_url="u"), 503, "RT0010", False, "cannot be reached"),
        (ConnectTimeoutError(endpoint_url="u"), 503, "RT0010", False, "cannot be reached"),
        (ReadTimeoutError(endpoint_url="u"), 500, "RT0010", True, "calling"),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), 500, "RT0010", True, "calling"),
        (NoCredentialsError(), 500, "RT0010", False, "calling"),
    ],
)
async def test_what_lambda_refuses_has_not_run(
    error: Exception, code: int, rt_code: str, is_counted: bool, sentence: str
) -> None:
    """A refused call is a failure that does not count as run; one that broke off may have run."""
    answer = await invoke_by(Raising(error), checkpoint=Checkpoint(), on=deployment(sdk_version=OURS))
    failure = failure_of(answer)
    assert (failure.code, failure.rt_code, failure.is_counted) == (code, rt_code, is_counted)
    # Only what is too large is so for good.
    assert failure.is_final == (code == 413)
    assert sentence in failure.message
    assert ARN in failure.message
    assert (answer.is_direct, answer.slot) == (is_counted, None)


async def test_throttling_says_when_to_come_again() -> None:
    """Lambda's own word on when to try again is heard."""
    error = client_error("TooManyRequestsException", status=429, retryAfterSeconds="3")
    assert failure_of(await invoke_by(Raising(error))).retry_after_ms == 3000


@pytest.mark.parametrize(
    "address",
    [
        "greeter",
        "greeter:1",
        ARN.removesuffix(":1"),
        ARN + ":2",
        ARN.replace("lambda", "s3"),
        "https://example.com",
        "",
    ],
)
async def test_only_versions_and_aliases_are_called(address: str) -> None:
    """An address that is no qualified ARN is refused before anything is sent, with an example of one."""
    failure = failure_of(await invoke(lambda event: ok(), on=deployment(address=address)))
    assert "qualified ARN" in failure.message
    assert not failure.is_counted


@pytest.mark.parametrize("qualifier", ["1", "live", "$LATEST"])
async def test_every_qualifier_is_taken(qualifier: str) -> None:
    """Versions, aliases and the unpublished version are called."""
    address = f"arn:aws-us-gov:lambda:{REGION}:123456789012:function:greeter:{qualifier}"
    with FakeLambda({address: lambda: lambda event, _context: ok()}) as client:
        assert (await invoke_by(client, on=deployment(address=address))).failure is None


async def test_an_attempt_is_given_up_at_its_timeout() -> None:
    """A function that does not answer in time is a failure; what it has appended is looked for."""
    client = Hanging()
    answer = await invoke_by(client, timeout_ms=50, checkpoint=Checkpoint())
    client.gate.set()
    failure = failure_of(answer)
    assert (failure.code, failure.rt_code, failure.is_counted) == (504, "RT0001", True)
    assert "within 50 ms" in failure.message
    assert (answer.is_direct, answer.slot) == (True, None)


async def test_functions_that_hang_do_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that were given up make room at once, though their threads still wait."""
    monkeypatch.setattr(lambda_functions, "_CALLS_MAX", 2)
    client = Hanging()
    functions = Functions(client, sts=None)
    endpoint = Endpoint(transport="lambda", address=ARN)
    for _ in range(3):
        results = await asyncio.gather(
            *[functions.invoke(endpoint, b"{}", timeout_s=0.02) for _ in range(2)], return_exceptions=True
        )
        assert [type(result) for result in results] == [TimeoutError, TimeoutError]
    client.gate.set()
    assert (await functions.invoke(endpoint, b"{}", timeout_s=5)).payload == b"{}"
    functions.close()


async def test_a_call_that_never_got_its_turn_was_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """When too many calls are under way an attempt is not sent, and says that it was not."""
    monkeypatch.setattr(lambda_functions, "_CALLS_MAX", 1)
    client = Hanging()
    functions = Functions(client, sts=None)
    invoker = LambdaInvoker(functions, journal_table=TABLE, clock=FixedClock())
    first = asyncio.ensure_future(invoker.invoke(deployment(), attempt(), checkpoint=None, timeout_ms=5000))
    while not client.calls:
        await asyncio.sleep(0.001)
    second = await invoker.invoke(deployment(), attempt(), checkpoint=Checkpoint(), timeout_ms=20)  # type: ignore[arg-type]
    client.gate.set()
    await first
    functions.close()
    assert (failure_of(second).code, failure_of(second).is_counted, second.is_direct) == (503, False, False)
    assert client.calls == 1
