"""The queue of wake-ups: who shares a request, and what each sender is told."""

from __future__ import annotations

import asyncio
import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from holdfast_aws.wakeup_queue import BATCH_BYTES_MAX, REQUESTS_MAX, Outgoing, WakeupQueue
from holdfast_engine.errors import Throttled, WakeupsUnreachable
from tests.support.queues import Entry, FakeSqs, Script, client_error


def message(body: str) -> Outgoing:
    return Outgoing(body=body, group="g", delay_s=0)


async def send(client: FakeSqs, *bodies: str) -> list[BaseException | None]:
    queue = WakeupQueue(client, "url")
    try:
        return await asyncio.gather(*[queue.send(message(body)) for body in bodies], return_exceptions=True)
    finally:
        queue.close()


def failing(entry: Entry, *, sender_fault: bool) -> Entry:
    return {"Id": entry["Id"], "SenderFault": sender_fault, "Code": "InternalError", "Message": "no luck"}


async def test_what_is_sent_at_one_moment_shares_requests() -> None:
    """Messages asked for in one turn of the loop go out ten by ten, each once and in order."""
    client = FakeSqs()
    bodies = [f"inv_{number}" for number in range(23)]
    assert await send(client, *bodies) == [None] * 23
    assert sorted(len(batch) for batch in client.batches) == [3, 10, 10]
    assert sorted(client.bodies) == sorted(bodies)


async def test_a_message_alone_does_not_wait_for_others() -> None:
    """A single message is a request of its own, at once."""
    client = FakeSqs()
    assert await send(client, "inv_1") == [None]
    assert [len(batch) for batch in client.batches] == [1]


async def test_long_messages_do_not_share_more_than_is_billed_as_one() -> None:
    """A batch stays below the size that is billed as one request, unless one message alone is beyond it."""
    client = FakeSqs()
    await send(client, *["x" * (BATCH_BYTES_MAX // 2)] * 3, "y" * (2 * BATCH_BYTES_MAX), "z")
    assert sorted(len(batch) for batch in client.batches) == [1, 1, 1, 2]


async def test_every_message_begins_a_trace_of_its_own() -> None:
    """No two messages carry the same trace, not in one request either."""
    client = FakeSqs()
    await send(client, *map(str, range(20)))
    traces = {entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"] for entry in client.entries}
    assert len(traces) == 20
    assert all(trace.startswith("Root=1-") for trace in traces)


async def test_requests_under_way_are_bounded_and_gather_what_comes() -> None:
    """While all requests are under way messages gather, and leave together when there is room."""
    client = FakeSqs()
    client.gate = threading.Event()
    queue = WakeupQueue(client, "url")

    async def one_by_one(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        await queue.send(message(str(number)))

    sends = asyncio.gather(*[one_by_one(number) for number in range(3 * REQUESTS_MAX)])
    while client.under_way < REQUESTS_MAX:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    assert client.under_way == REQUESTS_MAX
    client.gate.set()
    await sends
    queue.close()
    assert client.most_under_way == REQUESTS_MAX
    assert len(client.batches) < 2 * REQUESTS_MAX


async def test_a_message_that_fails_alone_is_sent_again_alone() -> None:
    """Of a request that succeeded in part only the rest is repeated."""

    def script(number: int, entries: list[Entry]) -> list[Entry]:
        return [failing(entries[1], sender_fault=False)] if number == 0 else []

    client = FakeSqs(script)
    assert await send(client, "a", "b", "c") == [None, None, None]
    assert client.bodies == ["a", "b", "c", "b"]


async def test_only_the_sender_of_a_refused_message_is_told() -> None:
    """A message that SQS takes for wrong is given up at once; the others of its request are sent."""
    client = FakeSqs(lambda number, entries: [failing(entries[1], sender_fault=True)])
    first, second, third = await send(client, "a", "b", "c")
    assert (first, third, len(client.batches)) == (None, None, 1)
    assert isinstance(second, WakeupsUnreachable)
    assert "InternalError: no luck" in str(second)


async def test_tries_are_bounded() -> None:
    """A message that keeps failing is given up, and its sender is told."""
    client = FakeSqs(lambda number, entries: [failing(entry, sender_fault=False) for entry in entries])
    (problem,) = await send(client, "a")
    assert isinstance(problem, WakeupsUnreachable)
    assert len(client.batches) == 4


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("RequestThrottled"), Throttled),
        (client_error("AccessDenied", status=403), WakeupsUnreachable),
        (EndpointConnectionError(endpoint_url="http://sqs"), WakeupsUnreachable),
        (RuntimeError("a bug"), RuntimeError),
    ],
)
async def test_a_request_that_fails_is_everybodys_failure(error: Exception, kind: type[Exception]) -> None:
    """When a whole request fails all its senders are told, whatever it was."""

    def script(number: int, entries: list[Entry]) -> list[Entry]:
        raise error

    problems = await send(FakeSqs(script), "a", "b")
    assert [type(problem) for problem in problems] == [kind, kind]


async def test_who_waits_no_more_disturbs_nobody() -> None:
    """A sender that is cancelled while its request is under way leaves the others their answers."""
    scripts: list[Script] = [
        lambda number, entries: [],
        lambda number, entries: [failing(entries[0], sender_fault=True)],
    ]
    for script in scripts:
        client = FakeSqs(script)
        client.gate = threading.Event()
        queue = WakeupQueue(client, "url")
        impatient = asyncio.ensure_future(queue.send(message("a")))
        patient = asyncio.ensure_future(queue.send(message("b")))
        while not client.under_way:
            await asyncio.sleep(0.001)
        impatient.cancel()
        await asyncio.sleep(0)
        client.gate.set()
        await patient
        queue.close()
        assert impatient.cancelled()
