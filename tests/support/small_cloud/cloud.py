"""The orchestrator's functions on a small cloud: real processes, each on a thread of its own, fed as by Lambda."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from holdfast_aws import clients
from holdfast_aws.clients import Clients
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.settings import RuntimeSettings
from tests.support.dynamo_stores import aws_session, client_of, new_tables
from tests.support.small_cloud.functions import Lambda, Sts
from tests.support.small_cloud.s3 import S3
from tests.support.small_cloud.sqs import Sqs
from tests.support.small_cloud.wire import Faults, wire

WAKEUPS, SENDS, SENDS_DEAD = (f"http://127.0.0.1/{name}" for name in ("wakeups", "sends", "sends-dead"))
_NOWHERE = "http://127.0.0.1:9"

Handler = Callable[[dict[str, Any], Any], Any]


class Quiet:
    """Telemetry that keeps what it hears to itself."""

    def __init__(self, *, tracing: bool) -> None:
        self.tracing = tracing

    def count(self, name: str, number: int = 1) -> None: ...

    @contextmanager
    def event(self, context: object) -> Iterator[None]:
        yield


class Cloud:
    """One installation; what strikes its requests is `faults`."""

    def __init__(self, dynamo_url: str, functions: Lambda, faults: Faults) -> None:
        self.sqs, self.s3, self.sts, self.functions, self.faults = Sqs(), S3(), Sts(), functions, faults
        self.dynamo_url = dynamo_url
        tables = new_tables(client_of(dynamo_url))
        self.settings = RuntimeSettings(
            journal_table=tables.journal,
            keys_table=tables.keys,
            timers_table=tables.timers,
            registry_table=tables.registry,
            blobs_bucket="blobs",
            wakeups_queue_url=WAKEUPS,
            sends_dead_queue_url=SENDS_DEAD,
            # Nobody dies here, but a message that meets a live lease comes back at its end.
            lease_s=5,
            visibility_s=9,
            margin_s=1,
            registry_s=1,
        )
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.problems: list[BaseException] = []

    def clients(self, **_: Any) -> Clients:
        """Return clients that end here; put this in the place of `make_clients`."""
        session = aws_session()
        dynamodb = clients.dynamodb_client(session, endpoint_url=self.dynamo_url)
        sts = session.create_client("sts", endpoint_url=_NOWHERE)
        return Clients(
            dynamodb=wire(dynamodb, self.faults, None),
            sqs=wire(clients.sqs_client(session, endpoint_url=_NOWHERE), self.faults, self.sqs.serve),
            functions=self.functions_client(session),
            s3=wire(clients.s3_client(session, endpoint_url=_NOWHERE), self.faults, self.s3.serve),
            sts=wire(sts, self.faults, self.sts.serve),
            # Nobody signs here.
            secrets=None,
        )

    def functions_client(self, session: Any, **options: Any) -> Any:
        """Return a client of Lambda; put this in the place of `lambda_client`."""
        client = clients.lambda_client(session, endpoint_url=_NOWHERE, **options)
        return wire(client, self.faults, self.functions.serve)

    @contextmanager
    def process(self, **options: Any) -> Iterator[Process]:
        """Yield a function's process, which belongs to the thread that makes it, and end it."""
        process = Process(self.settings, runs_max=options.pop("runs_max", 0), invokes=True, **options)
        process.deadline.begin(remaining_ms=60_000)
        try:
            yield process
        finally:
            process._renewing.cancel()
            process._loop.run_until_complete(asyncio.gather(process._renewing, return_exceptions=True))
            process._loop.close()
            process.world.store.close()  # type: ignore[attr-defined]  # a DynamoStore has it
            process.ports.queue.close()

    def consume(self, url: str, handler_of: Callable[[Process], Handler], **options: Any) -> None:
        """Have a function handle a queue's messages, as an event source mapping does."""

        def run() -> None:
            try:
                with self.process(**options) as process:
                    handler = handler_of(process)
                    while not self._stopping.is_set():
                        self._poll(url, handler)
            except BaseException as error:  # noqa: BLE001 - the test shall hear of it
                self.problems.append(error)

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End all functions."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def _poll(self, url: str, handler: Handler) -> None:
        if not (messages := self.sqs.receive(url, visibility_s=30)):
            time.sleep(0.02)
            return
        event = {"Records": [message.record() for message in messages]}
        failed = {each["itemIdentifier"] for each in handler(event, context())["batchItemFailures"]}
        self.sqs.delete(url, [message for message in messages if message.id not in failed])


def context() -> Any:
    """Return what Lambda gives with an event."""
    return SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 60_000)


def url_event(path: str, body: object, headers: Mapping[str, str], *, method: str) -> dict[str, Any]:
    """Return the event of a request to a function URL."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "body": "" if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
