"""A Lambda function with Holdfast handlers, its events and its context, and a journal's grant."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

import holdfast
from holdfast import RunOptions, aws_lambda
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.envelope import parse_response, request_envelope
from holdfast_protocol.frames import frame_type, split_frames
from holdfast_protocol.grants import JournalGrant, Reached, Slot, grant_headers, reached_from_headers
from holdfast_protocol.messages import Message, MessageType, decode, encode
from tests.support.scripted_server import Play, Received, ScriptedServer

Fn = Callable[..., Awaitable[Any]]

INVOCATION_ID = "inv_1" + "a" * 33
RAW_ID = bytes(range(24))
TABLE = "holdfast-journal"
V7 = "application/vnd.restate.invocation.v7"
INPUT = encode(pb.InputCommand(value=pb.Value(content=b"1")))


@dataclass
class Context:
    """What Lambda gives a function besides the event."""

    left_ms: list[int] = field(default_factory=lambda: [60_000])

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left; the last number for ever."""
        return self.left_ms.pop(0) if len(self.left_ms) > 1 else self.left_ms[0]


@dataclass
class Answer:
    """What a function answered."""

    status: int
    headers: Mapping[str, str]
    frames: list[bytes]
    text: str = ""

    @property
    def types(self) -> list[str]:
        return types_of(self.frames)

    @property
    def terminator(self) -> Message:
        return decode(self.frames[-1])

    @property
    def output(self) -> bytes:
        output = decode(self.frames[-2])
        assert isinstance(output, pb.OutputCommand)
        return output.value.content

    @property
    def reached(self) -> Reached | None:
        return reached_from_headers(self.headers)

    @property
    def awaits(self) -> list[int]:
        suspension = self.terminator
        assert isinstance(suspension, pb.Suspension)
        return list(suspension.awaiting_on.waiting_completions)


class Function:
    """A deployed function with one handler, `work`, and the DynamoDB it talks to."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.context = Context()

    def deploy(self, fn: Fn, **options: Any) -> None:
        service = holdfast.Service("Tested")
        service.handler("work")(fn)
        self.handler = aws_lambda.handler([service], **options)

    def attempt(self, *args: Any, **kwargs: Any) -> Answer:
        return answered(self.handler(event("work", *args, **kwargs), self.context))

    @property
    def appends(self) -> list[list[str]]:
        return [appended(received) for received in self.server.received]


def dynamodb(*script: Play) -> pytest.MarkDecorator:
    """Have the function's DynamoDB play a script."""
    return pytest.mark.parametrize("function", [script], indirect=True, ids=["scripted"])


async def ten_steps(ctx: holdfast.Context, _: int) -> int:
    return sum([await ctx.run_typed(f"step {number}", int, RunOptions(), number) for number in range(10)])


def grant(*, slot: Slot | None = None, durable: int = 1, epoch: int = 1, taken: Sequence[str] = ()) -> JournalGrant:
    """Return leave to append behind the input."""
    slot = slot or Slot(page=0, count=1, base=0, frames_bytes=len(INPUT) + 1)
    return JournalGrant(table=TABLE, epoch=epoch, slot=slot, durable=durable, taken=tuple(taken))


def event(
    handler: str,
    granted: JournalGrant | None,
    *,
    entries: Sequence[bytes] = (INPUT,),
    service: str = "Tested",
    content_type: str = V7,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the event of an attempt."""
    start = pb.Start(id=RAW_ID, debug_id=INVOCATION_ID, known_entries=len(entries), partial_state=True, random_seed=1)
    return request_envelope(
        path=f"/invoke/{service}/{handler}",
        headers={"content-type": content_type, **(grant_headers(granted) if granted else {}), **(headers or {})},
        body=encode(start) + b"".join(entries),
    )


def answered(payload: Mapping[str, Any]) -> Answer:
    """Return what a function returned."""
    response = parse_response(payload)
    if response.headers.get("content-type", "").startswith("application/vnd.restate.invocation"):
        return Answer(status=response.status, headers=response.headers, frames=split_frames(response.body))
    return Answer(status=response.status, headers=response.headers, frames=[], text=response.body.decode())


def appended(received: Received) -> list[str]:
    """Return the types of the entries that an update appends."""
    values = received.content["ExpressionAttributeValues"]
    return types_of([base64.b64decode(element["B"]) for element in values[":f"]["L"]])


def types_of(frames: Sequence[bytes]) -> list[str]:
    return [MessageType(frame_type(frame)).name for frame in frames]


def lambda_environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Set the environment variables of a function whose DynamoDB is at that address."""
    variables = {
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
