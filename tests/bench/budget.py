"""A server in this process whose bill and whose attempts can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import holdfast
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Submission
from holdfast_engine.records import Target
from holdfast_local.composition import LocalServer
from holdfast_local.surroundings import SystemClock
from holdfast_protocol.attempt import AttemptRequest, Checkpoint
from tests.bench.services import services
from tests.support.dynamo_server import DynamoServer
from tests.support.dynamo_stores import MemoryBlobs, new_tables


class CountingEndpoint(holdfast.Endpoint):
    """The measured handlers; counts how often one is entered."""

    attempts = 0

    async def run(self, request: AttemptRequest, checkpoint: Checkpoint | None) -> list[bytes]:
        """Count the attempt and run it."""
        self.attempts += 1
        return await super().run(request, checkpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What some work cost: DynamoDB's units, those of its retention apart, and handler invocations."""

    write_units: int
    retention_units: int
    read_units: int
    attempts: int


class Budget:
    """Runs work and says what it cost."""

    def __init__(self, server: LocalServer | DynamoServer, endpoint: CountingEndpoint) -> None:
        self._server = server
        self._endpoint = endpoint

    async def call(self, path: str, body: str, *, idempotency_key: str | None = None) -> None:
        """Call `Service/handler` or `Service/key/handler` and wait."""
        service, *key, handler = path.split("/")
        target = Target(service=service, key=key[0] if key else None, handler=handler)
        submission = Submission(
            target=target,
            headers=(),
            body=body.encode(),
            idempotency_key=idempotency_key,
            invoke_at_ms=None,
            limit_key=None,
        )
        finished = await self._server.engine.call(submission)
        assert finished.outcome.failure is None, finished.outcome

    async def bill(self, calls: Sequence[tuple[str, str]], *, idempotency_key: str | None = None) -> Bill:
        """Return what the calls cost when all are made at once."""
        before = self._counted()
        await asyncio.gather(*(self.call(path, body, idempotency_key=idempotency_key) for path, body in calls))
        # An outcome is told as soon as it is durable; releasing a key comes after it.
        await self._server.engine.world.tasks.drain(5.0)
        after = self._counted()
        return Bill(
            write_units=after.write_units - before.write_units,
            retention_units=after.retention_units - before.retention_units,
            read_units=after.read_units - before.read_units,
            attempts=after.attempts - before.attempts,
        )

    def _counted(self) -> Bill:
        meter = self._server.store.meter
        return Bill(
            write_units=meter.write_units,
            retention_units=meter.retention_units,
            read_units=meter.read_units,
            attempts=self._endpoint.attempts,
        )


@asynccontextmanager
async def open_budget(folder: Path) -> AsyncIterator[Budget]:
    """Run a server with the measured handlers."""
    endpoint = CountingEndpoint(services)
    server = LocalServer(data_dir=folder, endpoints={"bench": endpoint}, sdk_version=None)
    await server.start()
    try:
        yield Budget(server, endpoint)
    finally:
        await server.stop()


@asynccontextmanager
async def open_dynamo_budget(client: Any) -> AsyncIterator[Budget]:
    """Run the measured handlers over DynamoDB, which writes the bill itself."""
    endpoint = CountingEndpoint(services)
    blobs = MemoryBlobs()
    store = DynamoStore(client, new_tables(client), clock=SystemClock(), blobs=blobs)
    server = DynamoServer(store, blobs=blobs, endpoints={"bench": endpoint})
    await server.start()
    try:
        yield Budget(server, endpoint)
    finally:
        await server.stop()
