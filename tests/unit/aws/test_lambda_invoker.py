"""The invoker of Lambda functions: what it sends, what it reads in an answer, and the leave to append."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from holdfast_aws.lambda_functions import Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_aws.lifetimes import USUAL_LIFETIMES
from holdfast_engine.records import Slot
from holdfast_engine.registry import Endpoint
from holdfast_protocol import grants
from holdfast_protocol.envelope import response_envelope
from holdfast_protocol.messages import encode
from tests.support.attempts import END, OUTPUT, FixedClock, attempt
from tests.support.fake_lambda import ARN, REGION, FakeLambda
from tests.unit.aws.functions import (
    GRANT,
    OURS,
    TABLE,
    V7,
    Checkpoint,
    FakeSts,
    Signing,
    deployment,
    event_of,
    failure_of,
    invoke,
    ok,
)


async def test_an_attempt_is_one_event_with_the_whole_journal() -> None:
    """The event is a POST to the handler's path whose body is Start and the stored frames, byte for byte."""
    request = attempt(entries=(OUTPUT,))
    event = await event_of(request=request)
    assert (event["httpMethod"], event["path"], event["isBase64Encoded"]) == ("POST", "/invoke/Greeter/greet", True)
    assert b64decode(event["body"]) == encode(request.start) + b"".join(request.entries)


async def test_the_headers_are_those_of_any_attempt() -> None:
    """Version, invocation, key, trace context and configured headers travel, in lower case, and nothing else."""
    request = attempt(key="a/b", version=6, headers={"traceparent": "00-1", "authorization": "secret"})
    events: list[dict[str, Any]] = []

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return ok(headers={"content-type": V7.replace("v7", "v6")})

    answered = await invoke(answer, request=request, on=deployment(additional_headers=(("X-Team", "a"),)))
    assert answered.failure is None
    assert events[0]["headers"] == {
        "content-type": "application/vnd.restate.invocation.v6",
        "accept": "application/vnd.restate.invocation.v6",
        "x-restate-invocation-id": "inv_x",
        "x-restate-service-key": "a%2Fb",
        "traceparent": "00-1",
        "x-team": "a",
    }


async def test_a_good_answer_has_its_frames_and_no_failure() -> None:
    """Status 200 with the requested content type gives the frames as they came."""
    answer = await invoke(lambda event: ok())
    assert (list(answer.frames), answer.failure, answer.is_direct) == ([OUTPUT, END], None, False)


async def test_answers_of_careless_runtimes_are_read() -> None:
    """Header names in any case, values in lists and a parameter of the content type are no matter."""
    payload = {
        "statusCode": 200,
        "headers": {"Content-Type": [V7 + "; q=1"]},
        "body": b64encode(OUTPUT + END).decode(),
        "isBase64Encoded": True,
    }
    assert list((await invoke(lambda event: payload)).frames) == [OUTPUT, END]


@pytest.mark.parametrize(
    ("status", "rt_code", "is_counted"),
    [
        (401, "RT0012", False),
        (404, "RT0012", False),
        (413, "RT0019", False),
        (415, "RT0015", False),
        (429, "RT0023", False),
        (503, "RT0023", False),
        (502, "RT0010", True),
        (504, "RT0010", True),
        (500, "RT0012", True),
        (302, "RT0012", True),
    ],
)
async def test_a_status_is_a_failure_with_its_meaning(status: int, rt_code: str, is_counted: bool) -> None:
    """Every status but 200 becomes a failure with its id, the function's words, and whether it counts."""
    failure = failure_of(await invoke(lambda event: ok(b"some words", status=status)))
    assert (failure.code, failure.rt_code, failure.is_counted) == (status, rt_code, is_counted)
    assert ARN in failure.message
    assert "some words" in failure.message


async def test_a_function_may_ask_for_patience() -> None:
    """The retry-after header of a 429 is when the attempt comes again."""
    answer = await invoke(lambda event: ok(b"", {"retry-after": "7"}, status=429))
    assert failure_of(answer).retry_after_ms == 7000


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (None, "must be an object"),
        ("hello", "must be an object"),
        ({}, "statusCode"),
        ({"statusCode": 200, "body": "!", "isBase64Encoded": True}, "base64"),
        (response_envelope(status=200, headers={"content-type": "text/html"}, body=b"<html>"), "content type"),
        (response_envelope(status=200, headers={}, body=OUTPUT + END), "content type None"),
        (ok(headers={"content-type": V7.replace("v7", "v6")}), "v6"),
        (ok(headers={"content-encoding": "gzip"}), "content encoding 'gzip', which nobody asked for"),
        (ok(headers={"content-encoding": "zstd"}), "content encoding 'zstd', which nobody asked for"),
        (ok(b"\xff" * 100), "something that is not frames"),
        (ok(headers={"x-holdfast-reached": "far"}), "x-holdfast-reached"),
    ],
)
async def test_garbage_is_a_failure_that_says_what_came(payload: Any, sentence: str) -> None:
    """Whatever a function returns that is no answer is a failure that names it, and never an exception."""
    failure = failure_of(await invoke(lambda event: payload))
    assert failure.rt_code == "RT0012"
    assert sentence in failure.message
    assert ARN in failure.message


async def test_whole_frames_in_front_of_a_cut_are_kept() -> None:
    """An answer that stops in the middle gives its whole frames, with the failure."""
    answer = await invoke(lambda event: ok(OUTPUT + OUTPUT[:-1]))
    assert list(answer.frames) == [OUTPUT]
    assert "unexpected end of stream" in failure_of(answer).message
    answer = await invoke(lambda event: ok(OUTPUT))
    assert (list(answer.frames), failure_of(answer).rt_code) == ([OUTPUT], "RT0010")


@pytest.mark.parametrize(
    ("sdk_version", "takes"),
    [
        (OURS, True),
        (OURS + " (restate-sdk-python/1.3.0)", True),
        ("restate-sdk-holdfastish/1", False),
        ("restate-sdk-python/1.3.0", False),
        (None, False),
    ],
)
def test_only_our_sdk_is_granted_anything(sdk_version: str | None, takes: bool) -> None:
    """Whether a deployment takes checkpoints is told by how its SDK named itself."""
    invoker = LambdaInvoker(Functions(FakeLambda({}), sts=None), journal_table=TABLE, clock=FixedClock())
    assert invoker.takes_checkpoints(deployment(sdk_version=sdk_version)) is takes


async def test_the_grant_travels_as_headers() -> None:
    """The function is told table, epoch, slot, and what goes in front of its first append."""
    event = await event_of(checkpoint=Checkpoint())
    granted = grants.grant_from_headers(event["headers"])
    slot = grants.Slot(page=2, count=3, base=40, frames_bytes=417)
    of_pages = USUAL_LIFETIMES.of(created_ms=GRANT.created_ms, retention_ms=GRANT.retention_ms, first_epoch=6)
    life = grants.PageLife(expires_s=of_pages.expires_s, is_marked=True, first_epoch=6)
    assert granted == grants.JournalGrant(table=TABLE, epoch=7, slot=slot, durable=43, taken=("s#1",), life=life)


async def test_without_a_checkpoint_nothing_is_granted() -> None:
    """An attempt without a checkpoint has no such headers, and its answer is not direct."""
    event = await event_of()
    assert not any(name.startswith("x-holdfast") for name in event["headers"])


@pytest.mark.parametrize("is_certain", [True, False])
async def test_the_answer_says_how_far_the_handler_got(is_certain: bool) -> None:
    """The place of the next append and whether it is certain come with the answer."""
    reached = grants.Reached(slot=grants.Slot(page=3, count=1, base=50, frames_bytes=-9), is_certain=is_certain)
    answer = await invoke(lambda event: ok(headers=grants.reached_headers(reached)), checkpoint=Checkpoint())
    assert (answer.is_direct, answer.is_certain) == (True, is_certain)
    assert answer.slot == Slot(page=3, count=1, base=50, frames_bytes=-9)


@pytest.mark.parametrize(
    "payload", [ok(b"", status=500), ok(OUTPUT), ok(headers={"x-holdfast-reached": "?"}), {"statusCode": 1}]
)
async def test_an_answer_that_does_not_say_may_hide_appends(payload: dict[str, Any]) -> None:
    """Without a word on how far it got the journal has to be looked at."""
    answer = await invoke(lambda event: payload, checkpoint=Checkpoint())
    assert (answer.is_direct, answer.slot) == (True, None)


async def test_another_region_has_a_client_of_its_own() -> None:
    """A function elsewhere is called by a client of its region, which is made once."""
    there = ARN.replace(REGION, "us-east-2")
    made: list[str] = []

    def make(session: Any, *, region_name: str) -> Any:
        made.append(region_name)
        return FakeLambda({there: lambda: lambda event, _context: ok()}, region=region_name)

    functions = Functions(FakeLambda({}), sts=None, make_client=make)
    for _ in range(2):
        await functions.invoke(Endpoint(transport="lambda", address=there), b"{}", timeout_s=5)
    functions.close()
    assert made == ["us-east-2"]


async def test_a_role_is_assumed_where_one_is_named() -> None:
    """A deployment with a role is called as that role, whose credentials are asked for once and kept."""
    role = "arn:aws:iam::999999999999:role/caller"
    sts, clients = FakeSts(), []

    def make(session: Any, *, region_name: str) -> Any:
        clients.append(Signing(session))
        return clients[-1]

    functions = Functions(FakeLambda({}), sts=sts, make_client=make)
    endpoint = Endpoint(transport="lambda", address=ARN, assume_role_arn=role)
    for _ in range(2):
        await functions.invoke(endpoint, b"{}", timeout_s=5)
    functions.close()
    (client,) = clients
    assert client.keys == ["assumed", "assumed"]
    assert [(asked["RoleArn"], asked["RoleSessionName"][:9]) for asked in sts.asked] == [(role, "holdfast-")]
