"""An installation on AWS in this process: the real engine, store, wake-ups, dispatcher and handler functions.

DynamoDB is a compatible server that says itself what each request costs; SQS and Lambda are counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import holdfast
from holdfast._dynamo_http import Connection, Reply
from holdfast._lambda_journal import JournalWriter
from holdfast.aws_lambda import handler
from holdfast_aws.lambda_functions import Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_aws.models import TableNames
from holdfast_aws.runtime.deadline import Deadline
from holdfast_aws.runtime.dispatcher import Dispatcher
from holdfast_aws.store import DynamoStore
from holdfast_aws.timers import Timers
from holdfast_aws.wakeup_queue import WakeupQueue
from holdfast_aws.wakeups import SqsWakeups
from holdfast_engine.engine import Engine, Submission
from holdfast_engine.records import Head, Outcome, Target
from holdfast_engine.registry import Registry
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.surroundings import SystemDice
from holdfast_protocol.ids import FIRST_AWAKEABLE_SIGNAL_ID, decode_invocation_id, encode_awakeable_id
from tests.bench.cost.queue import BilledQueue, LeapingClock, Message
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.engine_world import ScriptedDiscovery
from tests.support.function_world import FakeLambda, deployment, function_environment, services_manifest

# As the CDK construct sets them.
_ENGINE_MS = 14 * 60 * 1000
_CHILDREN_MAX = 10


class Environment:
    """An execution environment of Lambda: a process of its own with one event at a time."""

    def __init__(self, cloud: Cloud, *, runs_max: int) -> None:
        self._tasks = Tasks(1_000)
        self._deadline = Deadline(clock=cloud.clock, margin_ms=10_000)
        self.store = DynamoStore(cloud.dynamodb, cloud.tables, clock=cloud.clock, blobs=MemoryBlobs())
        # As a look at the registry tells.
        self.store.services.deployed(service.name for service in cloud.manifest.services)
        self._wakeup_queue = WakeupQueue(cloud.queue, "wakeups")
        self._functions = Functions(cloud.functions, sts=None)
        timers = Timers(self.store.dynamo, cloud.tables.timers)
        self.world = World(
            store=self.store,
            wakeups=SqsWakeups(self._wakeup_queue, timers, clock=cloud.clock, ends_ms=lambda: self._deadline.at_ms),
            invoker=LambdaInvoker(self._functions, journal_table=cloud.tables.journal, clock=cloud.clock),
            discovery=ScriptedDiscovery(),
            blobs=MemoryBlobs(),
            clock=cloud.clock,
            dice=SystemDice(),
            registry=Registry([deployment(cloud.manifest)]),
            settings=Settings(is_alone=False, runs_max=runs_max),
            tasks=self._tasks,
        )
        self.engine = Engine(self.world)
        self.settings = SimpleNamespace(visibility_s=45)
        self.telemetry = SimpleNamespace(count=lambda name, number=1: None)
        self.now_ms = cloud.clock.now_ms
        self.dispatcher = Dispatcher(self, queue=cloud.queue)  # type: ignore[arg-type]  # as much as it needs

    @property
    def left_s(self) -> float:
        return self._deadline.left_ms / 1000

    def begin(self) -> None:
        """Take note that an event has come."""
        self._deadline.begin(remaining_ms=_ENGINE_MS)

    async def settle(self) -> None:
        """Wait for all that was taken on."""
        assert await self.world.tasks.idle(60)

    def close(self) -> None:
        """End the process."""
        self._wakeup_queue.close()
        self._functions.close()
        self.store.close()


class Cloud:
    """What all environments share."""

    def __init__(self, url: str, services: Sequence[Any], *, dispatchers: int) -> None:
        self.clock = LeapingClock()
        self.dynamodb = client_of(url)
        self.tables: TableNames = new_tables(self.dynamodb)
        self.queue = BilledQueue(self.clock)
        self.functions = FakeLambda(lambda: handler(services))
        self.manifest = services_manifest(*services)
        self.handler_units = 0.0
        self.requests: Counter[str] = Counter()
        self.dispatches = 0
        self._turn = threading.Lock()
        self.dynamodb.meta.events.register("before-call.dynamodb", self._count)
        self.ingress = Environment(self, runs_max=0)
        self._idle = [Environment(self, runs_max=_CHILDREN_MAX) for _ in range(dispatchers)]
        self._all = [self.ingress, *self._idle]

    async def send(self, service: str, name: str, body: bytes) -> str:
        """Send an invocation as one request to the ingress."""
        self.ingress.begin()
        target = Target(service=service, key=None, handler=name)
        accepted = await self.ingress.engine.send(
            Submission(target=target, headers=(), body=body, idempotency_key=None, invoke_at_ms=None, limit_key=None)
        )
        return accepted.invocation_id

    async def resolve(self, invocation_id: str, value: bytes) -> None:
        """Complete the first awakeable of an invocation."""
        self.ingress.begin()
        awakeable = encode_awakeable_id(decode_invocation_id(invocation_id), FIRST_AWAKEABLE_SIGNAL_ID)
        await self.ingress.engine.complete_awakeable(awakeable, Outcome(value=value))

    async def come_to_rest(self) -> None:
        """Deliver messages, ten at a time, until there is none left and nobody waits for one."""
        dispatching: set[asyncio.Task[None]] = set()
        while True:
            while self._idle and (batch := self.queue.receive()):
                dispatching.add(asyncio.create_task(self.dispatch(self.environment(), batch)))
            if dispatching:
                done, dispatching = await asyncio.wait(dispatching, return_when=asyncio.FIRST_COMPLETED, timeout=0.02)
                for task in done:
                    task.result()
            elif not self.queue.leap():
                return

    async def dispatch_once(self) -> None:
        """Deliver what can be received now, in one batch."""
        await self.dispatch(self.environment(), self.queue.receive())

    async def head(self, invocation_id: str) -> Head:
        """Return an invocation's head, off the bill."""
        head = await self.ingress.store.head(invocation_id)
        assert head is not None
        return head

    @property
    def write_units(self) -> float:
        """What DynamoDB has billed for writing, to engine and handlers, index and time-to-live marks included."""
        meters = [each.store.meter for each in self._all]
        units = [meter.write_units + meter.retention_units + meter.listing_units for meter in meters]
        return sum(units) + self.handler_units

    @property
    def read_units(self) -> float:
        """What DynamoDB has billed for reading."""
        return sum(each.store.meter.read_units for each in self._all)

    def close(self) -> None:
        """End all processes."""
        for each in self._all:
            each.close()

    def bill_handler(self, units: float) -> None:
        """Count a write of a handler."""
        with self._turn:
            self.handler_units += units
            self.requests["UpdateItem by handlers"] += 1

    def _count(self, model: Any, **_: Any) -> None:
        with self._turn:
            self.requests[model.name] += 1

    def environment(self) -> Environment:
        """Return an idle environment of the dispatcher; it is idle again when it has handled a batch."""
        return self._idle.pop()

    def new_environment(self) -> Environment:
        """Return an environment of the dispatcher that nobody else has."""
        self._all.append(Environment(self, runs_max=_CHILDREN_MAX))
        return self._all[-1]

    async def dispatch(self, environment: Environment, batch: list[Message]) -> None:
        """Have a batch handled, and delete what is done with."""
        environment.begin()
        self.dispatches += 1
        records = [
            {
                "messageId": str(message.number),
                "receiptHandle": str(message.number),
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.receives)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for message in batch
        ]
        answer = await environment.dispatcher.handle({"Records": records}, None)
        self.queue.finish(batch, {each["itemIdentifier"] for each in answer["batchItemFailures"]})
        self._idle.append(environment)


@asynccontextmanager
async def open_cloud(url: str, services: Sequence[holdfast.Service], *, dispatchers: int) -> AsyncIterator[Cloud]:
    """Run an installation over the DynamoDB at an address."""
    with _environment(function_environment(url)):
        cloud = Cloud(url, services, dispatchers=dispatchers)
        try:
            with _metered(cloud):
                yield cloud
        finally:
            cloud.close()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    with patch.dict(os.environ, variables):
        yield


@contextmanager
def _metered(cloud: Cloud) -> Iterator[None]:
    """Have DynamoDB say what the handlers' own appends cost, and count it."""
    post, update = Connection.post, JournalWriter._update

    def metered_post(self: Connection, *args: Any, **kwargs: Any) -> Reply:
        reply = post(self, *args, **kwargs)
        cloud.bill_handler(json.loads(reply.body)["ConsumedCapacity"]["CapacityUnits"])
        return reply

    def metered_update(self: JournalWriter, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**update(self, *args, **kwargs), "ReturnConsumedCapacity": "TOTAL"}

    with patch.object(Connection, "post", metered_post), patch.object(JournalWriter, "_update", metered_update):
        yield
