"""What is beyond a limit is refused by the limit's name and number, whatever the store, and nobody else is held up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

import holdfast
from holdfast_engine.engine import Submission
from holdfast_engine.ports import Store
from holdfast_engine.records import Head, LastFailure, Outcome, Status
from holdfast_engine.world import Settings
from holdfast_protocol.frames import FRAME_BODY_BYTES_MAX
from tests.support.engine_world import MemoryBlobs, target
from tests.support.store_server import StoreServer

ENTRIES_MAX = 20
STATE_BYTES_MAX = 500
TRIES = 3
POISONS = 5

policy = holdfast.InvocationRetryPolicy(initial_interval=timedelta(milliseconds=10), max_attempts=TRIES)
desk = holdfast.Service("Desk", invocation_retry_policy=policy)
till = holdfast.VirtualObject("Till", invocation_retry_policy=policy)
large = holdfast.Service("Large", invocation_retry_policy=holdfast.InvocationRetryPolicy(max_attempts=1))
looked: list[str] = []


@desk.handler()
async def take(ctx: holdfast.Context, what: str) -> str:
    """Take what is no poison."""
    return look(what)


@desk.handler()
async def loop(ctx: holdfast.Context) -> None:
    """Never end."""
    while True:
        await ctx.run_typed("again", lambda: None)


@large.handler()
async def make(ctx: holdfast.Context, size: int) -> int:
    """Make a value of some size in a step."""
    return len(await ctx.run_typed("make", lambda: "x" * size))


@till.handler()
async def put(ctx: holdfast.ObjectContext, what: str) -> str:
    """Take what is no poison, one after the other."""
    return look(what)


@till.handler()
async def name(ctx: holdfast.ObjectContext, count: int) -> int:
    """Keep so much state."""
    for number in range(count):
        ctx.set(f"name-{number}", number)
    return count


def look(what: str) -> str:
    """Look at something, and be poisoned if it is that."""
    looked.append(what)
    if what.startswith("poison"):
        raise ValueError(f"{what} cannot be swallowed")
    return what


@pytest.fixture
async def server(store: Store) -> AsyncIterator[StoreServer]:
    """A server whose limits are near."""
    looked.clear()
    settings = Settings(journal_entries_max=ENTRIES_MAX, state_bytes_max=STATE_BYTES_MAX)
    endpoints = {"limits": holdfast.Endpoint([desk, till, large])}
    server = StoreServer(store, blobs=MemoryBlobs(), endpoints=endpoints, settings=settings)
    await server.start()
    yield server
    await server.stop()


BOTH = pytest.mark.parametrize("store", ["sqlite-memory", "dynoxide"], indirect=True)


@BOTH
async def test_a_journal_beyond_its_limit(server: StoreServer) -> None:
    """A handler that never ends is paused when its journal has as many entries as one may have."""
    failure = await _paused(server, await _send(server, "Desk/loop", None))
    assert (failure.rt_code, f"the limit is {ENTRIES_MAX}" in failure.message) == ("HF-0430", True)


@BOTH
async def test_a_value_beyond_its_limit(server: StoreServer) -> None:
    """A step whose result is larger than a frame may be fails with the limit, and nothing of it is stored."""
    failure = await _paused(server, await _send(server, "Large/make", FRAME_BODY_BYTES_MAX))
    assert f"the limit of {FRAME_BODY_BYTES_MAX} bytes" in failure.message


@BOTH
async def test_state_beyond_its_limit(server: StoreServer) -> None:
    """A handler that names more state than a key may have fails, and its key serves the next."""
    refused = await _call(server, "Till/full/name", 100)
    assert refused.failure is not None
    assert refused.failure.code == 413
    assert f"the limit is {STATE_BYTES_MAX}" in refused.failure.message
    assert (await _call(server, "Till/full/put", "bread")).value == b'"bread"'


@BOTH
async def test_poison_starves_nobody(server: StoreServer) -> None:
    """What always fails is paused after its tries with the reason; whoever comes beside it or behind it is served."""
    names = [f"poison {number}" for number in range(POISONS)]
    poisoned = {each: await _send(server, "Desk/take", each) for each in names}
    poisoned |= {f"{each} kept": await _send(server, f"Till/{each}/put", f"{each} kept") for each in names}
    behind = [await _send(server, f"Till/{each}/put", "bread") for each in names]
    for number in range(POISONS):
        assert (await _call(server, "Desk/take", f"bread {number}")).value is not None
        assert (await _call(server, f"Till/other-{number}/put", "bread")).value is not None
    for what, invocation_id in poisoned.items():
        assert f"{what} cannot be swallowed" in (await _paused(server, invocation_id)).message
    assert [looked.count(each) for each in poisoned] == [TRIES] * len(poisoned)
    for invocation_id in poisoned.values():
        await server.engine.kill(invocation_id)
    for invocation_id in behind:
        head = await _until(server, invocation_id, Status.COMPLETED)
        assert head.status is Status.COMPLETED


async def _call(server: StoreServer, path: str, body: Any) -> Outcome:
    return (await asyncio.wait_for(server.engine.call(_submission(path, body)), 60)).outcome


async def _send(server: StoreServer, path: str, body: Any) -> str:
    return (await server.engine.send(_submission(path, body))).invocation_id


def _submission(path: str, body: Any) -> Submission:
    return Submission(
        target=target(path),
        headers=(),
        body=b"" if body is None else json.dumps(body).encode(),
        idempotency_key=None,
        invoke_at_ms=None,
        limit_key=None,
    )


async def _paused(server: StoreServer, invocation_id: str) -> LastFailure:
    head = await _until(server, invocation_id, Status.PAUSED)
    assert head.last_failure is not None
    return head.last_failure


async def _until(server: StoreServer, invocation_id: str, status: Status) -> Head:
    for _ in range(3_000):
        head = await server.engine.world.store.head(invocation_id)
        assert head is not None
        if head.status is status:
            return head
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never came to be {status}: {head}")
