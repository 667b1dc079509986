"""Whole attempts through the surface: typed input in, typed output out, in process and over HTTP."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

import holdfast
from holdfast_protocol.frames import split_frames
from holdfast_protocol.messages import MessageType, encode, encode_notification
from holdfast_protocol.schema_pb2 import InputCommand, Notification, RunCommand, Start, Value
from tests.unit.sdk.surface.attempts import Durable, outcome_of, request_of


@dataclasses.dataclass
class Order:
    item: str
    amount: int = 1


shop = holdfast.Service("Shop")
steps: list[str] = []
log = holdfast.getLogger("tests.shop")


@shop.handler()
async def buy(ctx: holdfast.Context, order: Order) -> Order:
    return Order(order.item, order.amount + 1)


@shop.handler()
async def break_result(ctx: holdfast.Context) -> Any:
    return object()


@shop.handler()
async def talk(ctx: holdfast.Context) -> None:
    log.warning("before")
    await ctx.run_typed("step", steps.append, holdfast.RunOptions(), "stepped")
    log.warning("after")


@asynccontextmanager
async def surroundings() -> AsyncIterator[None]:
    steps.append("enter")
    yield
    steps.append("leave")


@shop.handler(invocation_context_managers=[surroundings])
async def surrounded(ctx: holdfast.Context) -> None:
    steps.append("inside")
    assert holdfast.current_context() is ctx


ENDPOINT = holdfast.Endpoint([shop])


@pytest.fixture(autouse=True)
def _no_steps() -> None:
    steps.clear()


@pytest.mark.parametrize("version", [5, 6, 7])
async def test_a_value_goes_in_and_one_comes_out(version: int) -> None:
    """A typed handler gets its argument and returns its result, in every version of the protocol."""
    frames = await ENDPOINT.run(request_of("Shop", "buy", b'{"item": "a"}', version=version), None)
    assert [MessageType(int.from_bytes(frame[:2], "big")) for frame in frames] == [MessageType.OUTPUT, MessageType.END]
    assert outcome_of(frames) == b'{"item": "a", "amount": 2}'


@pytest.mark.parametrize(
    ("handler", "body", "code", "sentence"),
    [
        ("buy", b'{"item": 5}', 400, "item: expected text, got 5"),
        ("buy", b"", 400, "has no body"),
        ("break_result", b"", 500, "Shop/break_result returned a object that cannot be serialised"),
    ],
)
async def test_bad_values_end_the_invocation(handler: str, body: bytes, code: int, sentence: str) -> None:
    """What cannot be read or written is the invocation's final failure; nothing retries it."""
    failure = outcome_of(await ENDPOINT.run(request_of("Shop", handler, body), None))
    assert isinstance(failure, holdfast.TerminalError)
    assert failure.status_code == code
    assert sentence in failure.message


async def test_logging_is_silent_in_replays(caplog: pytest.LogCaptureFixture) -> None:
    """A record is written by the attempt that gets there first, and not again by those that replay it."""
    with caplog.at_level(logging.WARNING):
        await ENDPOINT.run(request_of("Shop", "talk"), None)
        assert caplog.messages == ["before"]
        assert steps == ["stepped"]
        recorded = [
            encode(RunCommand(result_completion_id=1, name="step")),
            encode_notification(MessageType.RUN_COMPLETION, Notification(completion_id=1, value=Value(content=b""))),
        ]
        await ENDPOINT.run(request_of("Shop", "talk", entries=recorded), None)
    assert caplog.messages == ["before", "after"]
    assert steps == ["stepped"]


async def test_context_managers_surround_the_handler() -> None:
    """A context manager of a handler is entered before it and left after it, in every attempt."""
    await ENDPOINT.run(request_of("Shop", "surrounded"), Durable())
    assert steps == ["enter", "inside", "leave"]


async def test_an_attempt_over_http_is_the_same_attempt() -> None:
    """A request with a journal as its body is answered with the frames that the endpoint returns in process."""
    journal = encode(Start(id=b"i" * 24, debug_id="inv_1", known_entries=1))
    journal += encode(InputCommand(value=Value(content=b'{"item": "a"}')))
    media_type = "application/vnd.restate.invocation.v6"
    transport = httpx.ASGITransport(app=holdfast.app([shop]))
    async with httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client:
        answer = await client.post("/invoke/Shop/buy", headers={"content-type": media_type}, content=journal)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert outcome_of(split_frames(answer.content)) == b'{"item": "a", "amount": 2}'
