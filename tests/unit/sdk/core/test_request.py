"""The request and what is seeded by it: ids, headers, randomness, the clock, and the end of the attempt."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from holdfast import AttemptFinishedEvent, Context
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import encode
from tests.support.journals import RAW_ID, Journal


async def test_the_request_says_what_the_invocation_was_called_with() -> None:
    """Id, headers of the call and of the attempt, body, scope and keys are there."""
    requests = []

    async def handler(ctx: Context) -> None:
        assert ctx.request() is ctx.request()
        requests.append(ctx.request())

    journal = Journal(handler, headers={"x": "attempt"}, start={"scope": "s", "limit_key": "l", "idempotency_key": "i"})
    headers = [pb.Header(key="a", value="b")]
    journal.entries = [encode(pb.InputCommand(headers=headers, value=pb.Value(content=b"body")))]
    await journal.attempt()
    request = requests[0]
    assert (request.id, request.headers, request.body) == ("inv_x", {"a": "b"}, b"body")
    assert (request.attempt_headers, request.scope, request.limit_key, request.idempotency_key) == (
        {"x": "attempt"},
        "s",
        "l",
        "i",
    )


async def test_what_was_not_given_is_none() -> None:
    """Without scope, limit key and idempotency key the request has None."""
    requests = []

    async def handler(ctx: Context) -> None:
        requests.append(ctx.request())

    await Journal(handler).attempt()
    assert (requests[0].scope, requests[0].limit_key, requests[0].idempotency_key) == (None, None, None)


async def test_the_finished_event_is_set_at_the_end_of_the_attempt() -> None:
    """Whoever holds the event learns that the attempt has ended, however it did."""
    events: list[AttemptFinishedEvent] = []

    async def handler(ctx: Context) -> None:
        events.append(ctx.request().attempt_finished_event)
        assert not events[0].is_set()
        await ctx.sleep(timedelta(hours=1))

    await Journal(handler).attempt()
    assert events[0].is_set()
    async with asyncio.timeout(1):
        await events[0].wait()


async def _draws(ctx: Context) -> list[Any]:
    return [str(ctx.uuid()), ctx.random().random(), str(ctx.uuid())]


def _expected(seed: int) -> list[Any]:
    random = Random(seed)
    first = UUID(int=random.getrandbits(128), version=4)
    return [str(first), random.random(), str(UUID(int=random.getrandbits(128), version=4))]


async def test_randomness_is_the_same_in_every_attempt() -> None:
    """UUIDs and random numbers come from the invocation's seed; before version 6 that is made of its id."""
    import json

    derived = int.from_bytes(sha256(RAW_ID).digest()[:8])
    for version, seed in ((7, 77), (6, 77), (5, derived)):
        output = (await Journal(_draws, version=version, start={"random_seed": 77}).attempt()).output
        assert isinstance(output, bytes)
        assert json.loads(output) == _expected(seed)


async def test_the_time_is_recorded_once() -> None:
    """`ctx.time()` is a step named timestamp, and gives the same number ever after."""

    async def handler(ctx: Context) -> float:
        return await ctx.time()

    journal = Journal(handler)
    first = (await journal.live()).output
    journal.entries.pop()
    assert (await journal.attempt()).output == first
    assert journal.commands()[0] == pb.RunCommand(result_completion_id=1, name="timestamp")
