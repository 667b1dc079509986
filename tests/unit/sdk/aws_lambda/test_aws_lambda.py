"""Handlers as a Lambda function: events in, answers out."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

import holdfast
from holdfast import Context
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.envelope import request_envelope
from holdfast_protocol.grants import grant_headers
from holdfast_protocol.messages import decode
from tests.unit.sdk.aws_lambda.functions import (
    V7,
    Function,
    answered,
    grant,
    ten_steps,
)
from tests.unit.sdk.surface.test_identity import KEY

GOLDEN_REQUEST = (
    "0000000000000025"
    "0a18000102030405060708090a0b0c0d0e0f1011121314151617"
    "1205696e765f78"
    "1801"
    "2801"
    "0400000000000005"
    "72030a0131"
)
GOLDEN_RUN = "0411000000000006" + "5801" + "62027330"
GOLDEN_ANSWERS = {
    6: GOLDEN_RUN + "0005000000000005" + "0801720130" + "0001000000000006" + "0a0101120101",
    7: GOLDEN_RUN + "0005800000000005" + "0801720130" + "000100000000000a" + "22080a01011201012801",
}


@pytest.mark.parametrize("version", [6, 7])
def test_an_attempt_byte_for_byte(function: Function, version: int) -> None:
    """What goes in and out is what Restate's own SDK was seen to take and to give."""

    async def handler(ctx: Context, _: int) -> None:
        await ctx.run_typed("s0", int)

    function.deploy(handler)
    media_type = V7.replace("v7", f"v{version}")
    event = {
        "path": "/invoke/Tested/work",
        "httpMethod": "POST",
        "headers": {"content-type": media_type, "accept": media_type, "x-restate-invocation-id": "inv_x"},
        "body": base64.b64encode(bytes.fromhex(GOLDEN_REQUEST)).decode(),
        "isBase64Encoded": True,
    }
    assert function.handler(event, None) == {
        "statusCode": 200,
        "headers": {
            "content-type": media_type,
            "x-restate-server": f"restate-sdk-holdfast/{holdfast.__version__}",
        },
        "body": base64.b64encode(bytes.fromhex(GOLDEN_ANSWERS[version])).decode(),
        "isBase64Encoded": True,
    }


def test_requests_share_a_loop(function: Function) -> None:
    """What one request makes for the event loop is of use in the next."""
    loops: list[object] = []

    async def handler(ctx: Context, _: int) -> None:
        loops.append(asyncio.get_running_loop())

    function.deploy(handler)
    function.attempt(None)
    function.attempt(grant())
    assert loops[0] is loops[1]


def test_appends_share_a_connection(function: Function) -> None:
    """The connection to DynamoDB is kept from one request to the next."""
    function.deploy(ten_steps)
    function.attempt(grant())
    function.attempt(grant())
    assert {received.connection for received in function.server.received} == {1}


def test_an_answer_that_lambda_would_not_carry(function: Function) -> None:
    """An answer of more than six megabytes becomes an error that names the limit."""

    async def handler(ctx: Context, _: int) -> str:
        return "x" * 5_000_000

    function.deploy(handler)
    failed = function.attempt(None)
    assert isinstance(failed.terminator, pb.Error)
    assert failed.terminator.code == 413
    assert "Lambda carries" in failed.terminator.message


def test_discovery(function: Function) -> None:
    """A server that asks is told what is served, and by which SDK."""
    function.deploy(ten_steps)
    headers = {"accept": "application/vnd.restate.endpointmanifest.v3+json"}
    found = answered(function.handler(request_envelope(path="/discover", headers=headers, method="GET"), None))
    assert found.status == 200
    assert found.headers["content-type"] == headers["accept"]
    assert found.headers["x-restate-server"] == f"restate-sdk-holdfast/{holdfast.__version__}"
    manifest = json.loads(found.text)
    assert (manifest["protocolMode"], manifest["services"][0]["name"]) == ("REQUEST_RESPONSE", "Tested")


@pytest.mark.parametrize(
    ("path", "headers", "status", "text"),
    [
        ("/health", {}, 200, '{"status":"ok"}'),
        ("/discover", {"accept": "application/vnd.restate.endpointmanifest.v99+json"}, 415, "is known here"),
        ("/nowhere", {}, 404, "An endpoint answers"),
        ("/invoke/Tested", {}, 404, "An endpoint answers"),
        ("/invoke/Tested/nobody", {"content-type": V7}, 404, "Tested/nobody is not served here"),
        ("/invoke/Tested/work", {}, 415, "is no supported version"),
        ("/invoke/Tested/work", {"content-type": V7, "content-encoding": "zstd"}, 415, "'zstd' is not supported"),
        ("/invoke/Tested/work", {"content-type": V7}, 400, "does not begin with a Start message"),
    ],
)
def test_other_requests(function: Function, path: str, headers: dict[str, str], status: int, text: str) -> None:
    """Whatever else comes is answered with a status and a sentence."""
    function.deploy(ten_steps)
    found = answered(function.handler(request_envelope(path=path, headers=headers), None))
    assert found.status == status
    assert text in found.text
    assert found.headers["x-restate-server"].startswith("restate-sdk-holdfast/")


def test_a_garbled_grant_is_refused(function: Function) -> None:
    """An attempt whose grant cannot be read does not run: to guess would be to write somewhere else."""
    function.deploy(ten_steps)
    headers = {**grant_headers(grant()), "x-holdfast-slot": "0.1"}
    refused = function.attempt(None, headers=headers)
    assert (refused.status, "x-holdfast-slot" in refused.text) == (400, True)


def test_an_event_of_another_kind_is_refused(function: Function) -> None:
    """An event that is no HTTP request, such as the console's test event, is answered and not thrown at."""
    function.deploy(ten_steps)
    refused = answered(function.handler({"key1": "value1"}, None))
    assert (refused.status, "is not an HTTP request" in refused.text) == (400, True)


def test_only_trusted_servers_are_answered(function: Function) -> None:
    """With identity keys an unsigned request is refused; health is not."""
    function.deploy(ten_steps, identity_keys=[KEY])
    assert function.attempt(grant()).status == 401
    assert answered(function.handler(request_envelope(path="/health", headers={}), None)).status == 200


def test_a_table_elsewhere(function: Function) -> None:
    """A table named by its ARN is looked for in its own region."""
    function.deploy(ten_steps)
    granted = grant()
    arn = "arn:aws:dynamodb:us-west-2:123456789012:table/journal"
    headers = {**grant_headers(granted), "x-holdfast-table": arn}
    assert function.attempt(None, headers=headers).output == b"45"
    assert function.server.received[0].content["TableName"] == arn
    assert "/us-west-2/dynamodb/" in function.server.received[0].headers["authorization"]


def test_a_function_that_does_not_know_where_it_is(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a region the attempt fails with what is missing, instead of doing its work in vain."""
    monkeypatch.delenv("AWS_REGION")
    function.deploy(ten_steps)
    with pytest.raises(ValueError, match="AWS_REGION"):
        function.attempt(grant())


def test_what_a_handler_throws_is_an_answer(function: Function) -> None:
    """An exception of the handler is an error of the attempt, with the steps before it stored or on their way."""

    async def handler(ctx: Context, _: int) -> None:
        await ctx.run_typed("step", int)
        raise ValueError("boom")

    function.deploy(handler)
    failed = function.attempt(grant())
    assert failed.types == ["RUN", "PROPOSE_RUN_COMPLETION", "ERROR"]
    message = decode(failed.frames[-1])
    assert isinstance(message, pb.Error)
    assert "boom" in message.message
