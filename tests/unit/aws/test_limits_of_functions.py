"""What Lambda does not carry to a function or back fails with a sentence that names its 6 MB; what it carries works."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator

import pytest

import holdfast
from holdfast.aws_lambda import handler as lambda_handler
from holdfast_aws.lambda_functions import PAYLOAD_BYTES_MAX
from holdfast_engine.records import LastFailure, Status
from holdfast_local.surroundings import SystemClock
from tests.support.dynamo_stores import client_of, new_store
from tests.support.dynoxide import Dynoxide
from tests.support.function_world import FunctionWorld, function_environment, services_manifest

MEGABYTE = 1_000_000
# Base64 makes four characters of three bytes.
TOO_LARGE = 5 * MEGABYTE


def noise(size: int) -> str:
    """Return text that hardly gets smaller by compression."""
    return random.Random(size).randbytes(size // 2).hex()


def make(size: int) -> str:
    return noise(size)


large = holdfast.Service("Large")


@large.handler()
async def measure(ctx: holdfast.Context, text: str) -> int:
    """Return how long a text is."""
    return len(text)


@large.handler()
async def produce(ctx: holdfast.Context, size: int) -> str:
    """Return a text of some length."""
    return noise(size)


@large.handler()
async def journal(ctx: holdfast.Context, request: list[int]) -> int:
    """Run so many steps whose results have so many bytes; suspend once, so that all of them are read again."""
    count, size = request
    results = [await ctx.run_typed(f"step {number}", make, size=size) for number in range(count)]
    await ctx.service_call(measure, "")
    return sum(map(len, results))


@pytest.fixture
async def world(dynoxide: Dynoxide, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FunctionWorld]:
    """An engine whose handlers are functions as Lambda has them."""
    for name, value in function_environment(dynoxide.url).items():
        monkeypatch.setenv(name, value)
    store = new_store(client_of(dynoxide.url), clock=SystemClock())
    async with FunctionWorld(store, lambda: lambda_handler([large]), services_manifest(large)) as world:
        yield world
    store.close()


async def failed(world: FunctionWorld, invocation_id: str, status: Status) -> LastFailure:
    """Wait until an invocation has failed, see how it stands, and return why."""
    for _ in range(1_000):
        head = await world.store.head(invocation_id)
        assert head is not None
        if head.status in (Status.BACKING_OFF, Status.PAUSED):
            assert head.status is status
            assert head.last_failure is not None
            return head.last_failure
        assert head.status is not Status.COMPLETED
        await asyncio.sleep(0.01)
    raise AssertionError(f"{invocation_id} is not refused")


async def test_what_lambda_carries_works(world: FunctionWorld) -> None:
    """Four megabytes go to a function and come back from one, and a journal of three is read again."""
    text = noise(4 * MEGABYTE)
    assert (await world.call("Large/measure", json.dumps(text).encode())).outcome.value == str(len(text)).encode()
    produced = (await world.call("Large/produce", str(4 * MEGABYTE).encode())).outcome.value
    assert produced is not None
    assert len(produced) == 4 * MEGABYTE + 2
    steps = await world.call("Large/journal", json.dumps([30, 100_000]).encode())
    assert steps.outcome.value == str(30 * 100_000).encode()


async def test_an_input_that_is_too_large_is_not_sent(world: FunctionWorld) -> None:
    """An input that base64 makes larger than a request may be reaches no function; its invocation waits."""
    # It is paused at the first try: no other could go better.
    invocation_id = await world.send("Large/measure", json.dumps(noise(TOO_LARGE)).encode())
    failure = await failed(world, invocation_id, Status.PAUSED)
    assert failure.code == 413
    assert f"Lambda carries {PAYLOAD_BYTES_MAX} (6 MB)" in failure.message
    assert world.functions.invocations == 0


async def test_an_output_that_is_too_large_is_not_returned(world: FunctionWorld) -> None:
    """A function whose answer Lambda would refuse answers with the limit instead."""
    invocation_id = await world.send("Large/produce", str(TOO_LARGE).encode())
    failure = await failed(world, invocation_id, Status.BACKING_OFF)
    sizes = re.search(r"has (\d+) bytes, and Lambda carries (\d+)", failure.message)
    assert sizes is not None, failure.message
    assert int(sizes[1]) > TOO_LARGE > int(sizes[2])


async def test_a_journal_that_is_too_large_is_not_sent(world: FunctionWorld) -> None:
    """A journal that has outgrown a request is paused with the limit, at once, and its steps are not run again."""
    invocation_id = await world.send("Large/journal", json.dumps([60, 99_000]).encode())
    failure = await failed(world, invocation_id, Status.PAUSED)
    assert f"Lambda carries {PAYLOAD_BYTES_MAX} (6 MB)" in failure.message
    # One for the steps and one for the callee.
    assert world.functions.invocations == 2
