"""Writing to the queue of wake-ups: what is asked for at the same time shares a request."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from holdfast_aws.clients import fresh_trace
from holdfast_aws.errors import AWS_ERRORS, unavailable
from holdfast_engine.errors import WakeupsUnreachable

# What a message can be delayed by, and how many go into one request; SQS bills a request for every 64 KB of it.
DELAY_S_MAX = 900
BATCH_MAX = 10
BATCH_BYTES_MAX = 60_000

# Requests under way at a time; when all of them are, messages gather and go out ten by ten.
REQUESTS_MAX = 8

# Of a request that succeeded single messages may fail all the same. The client itself repeats whole requests.
_TRIES_MAX = 4
_PAUSE_FIRST_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to be sent. Messages of one group are kept from crowding out those of others."""

    body: str
    group: str
    delay_s: int

    @property
    def size(self) -> int:
        """What its body weighs; bodies are ASCII."""
        return len(self.body)

    def entry(self, entry_id: str) -> dict[str, Any]:
        """Return it as a part of a request.

        It carries a trace of its own, for the same reason as the requests of the client (see `clients`); the one that
        the request itself has would be shared by the whole batch.
        """
        trace = {"DataType": "String", "StringValue": fresh_trace()}
        return {
            "Id": entry_id,
            "MessageBody": self.body,
            "DelaySeconds": self.delay_s,
            "MessageGroupId": self.group,
            "MessageSystemAttributes": {"AWSTraceHeader": trace},
        }


Waiting = tuple[Outgoing, "asyncio.Future[None]"]


class WakeupQueue:
    """One queue, by its URL."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self._threads = ThreadPoolExecutor(max_workers=REQUESTS_MAX, thread_name_prefix="holdfast-sqs")
        self._waiting: deque[Waiting] = deque()
        self._requests: set[asyncio.Task[None]] = set()
        self._is_called = False

    async def send(self, message: Outgoing) -> None:
        """Send a message; it is durable when this returns.

        Raises:
            WakeupsUnreachable: SQS did not take it, or may not have.
            Throttled: SQS limits the rate.
        """
        assert 0 <= message.delay_s <= DELAY_S_MAX, f"SQS delays no message by {message.delay_s} s"
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((message, done))
        if not self._is_called:
            # Once everybody has had a turn who is ready to ask for more.
            self._is_called = True
            loop.call_soon(self._begin)
        await done

    def close(self) -> None:
        """Wait for the requests under way."""
        self._threads.shutdown()

    def _begin(self) -> None:
        self._is_called = False
        while self._waiting and len(self._requests) < REQUESTS_MAX:
            request = asyncio.create_task(self._request(self._batch()))
            self._requests.add(request)
            request.add_done_callback(self._end)

    def _end(self, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        self._begin()

    def _batch(self) -> list[Waiting]:
        batch = [self._waiting.popleft()]
        size = batch[0][0].size
        while self._waiting and len(batch) < BATCH_MAX:
            size += self._waiting[0][0].size
            if size > BATCH_BYTES_MAX:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _request(self, batch: list[Waiting]) -> None:
        for tried in range(1, _TRIES_MAX + 1):
            try:
                failed = await self._send([message for message, _ in batch])
            except Exception as error:  # noqa: BLE001 - those who wait are told, whatever it is.
                _tell(batch, error)
                return
            _tell([each for number, each in enumerate(batch) if number not in failed], None)
            batch = [batch[number] for number in failed]
            if not batch or tried == _TRIES_MAX or all(entry.get("SenderFault") for entry in failed.values()):
                break
            await asyncio.sleep(random.random() * _PAUSE_FIRST_S * 2**tried)
        for (_, done), entry in zip(batch, failed.values(), strict=True):
            if not done.done():
                done.set_exception(WakeupsUnreachable(f"SQS did not take a wake-up: {_reason(entry)}"))

    async def _send(self, messages: list[Outgoing]) -> dict[int, Mapping[str, Any]]:
        """Return what failed, by place."""
        entries = [message.entry(str(number)) for number, message in enumerate(messages)]

        def send() -> Any:
            return self._client.send_message_batch(QueueUrl=self._url, Entries=entries)

        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, send)
        except AWS_ERRORS as error:
            raise unavailable(error, "sending wake-ups", WakeupsUnreachable) from error
        return {int(entry["Id"]): entry for entry in sorted(answer.get("Failed", ()), key=lambda each: int(each["Id"]))}


def _tell(batch: list[Waiting], error: Exception | None) -> None:
    for _, done in batch:
        # Whoever was cancelled waits no more.
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _reason(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('Code', 'unknown')}: {entry.get('Message', 'it gave no reason')}"
