"""Real SDKs behind the Lambda invoker: an engine on DynamoDB runs their handlers, attempt by attempt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import restate

import holdfast
import holdfast.aws_lambda
from holdfast.adapters.restate import handler as adapted
from holdfast_aws.lambda_discovery import LambdaDiscovery
from holdfast_aws.lambda_functions import Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Engine
from holdfast_engine.records import Status
from holdfast_engine.registry import Endpoint, Registry
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.surroundings import SystemClock, SystemDice
from holdfast_local.wakeups import LocalWakeups
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import MessageType
from tests.support.dynamo_stores import MemoryBlobs, client_of, new_tables
from tests.support.dynoxide import Dynoxide
from tests.support.engine_world import submission
from tests.support.fake_lambda import ARN, FakeLambda, Handler

STEPS = 10


def counting(sdk: Any) -> Any:
    """Return a service of that SDK whose handler adds up the results of its steps."""
    service = sdk.Service("Counting")

    @service.handler()
    async def count(ctx: Any, steps: int) -> int:
        total = 0
        for step in range(steps):
            total += await ctx.run_typed(f"step {step}", lambda: 1)
        return total

    @service.handler()
    async def repeat(ctx: Any, size: int) -> list[int]:
        lengths = []
        for step in range(3):
            text = await ctx.run_typed(f"step {step}", lambda: "x" * size)
            lengths.append(len(text))
        return lengths

    return service


def other() -> Handler:
    service = holdfast.Service("Other")

    @service.handler()
    async def greet(ctx: holdfast.Context) -> None:
        """Do nothing."""

    return holdfast.aws_lambda.handler([service])


def ours() -> Handler:
    return holdfast.aws_lambda.handler([counting(holdfast)])


def official() -> Handler:
    # On Lambda, which it sees by its environment, that is a function's handler.
    return restate.app([counting(restate)])


def official_adapted() -> Handler:
    return adapted([counting(restate)])


class Installation:
    """An engine whose handlers are one Lambda function."""

    def __init__(self, store: DynamoStore, client: FakeLambda, blobs: MemoryBlobs, *, journal_table: str) -> None:
        clock, tasks = SystemClock(), Tasks(100)
        self.lambdas = client
        self.store = store
        self.functions = Functions(client, sts=None)
        wakeups = LocalWakeups(clock=clock, tasks=tasks, settle=lambda _: None)
        self.engine = Engine(
            World(
                store=store,
                wakeups=wakeups,
                invoker=LambdaInvoker(self.functions, journal_table=journal_table, clock=clock),
                discovery=LambdaDiscovery(self.functions),
                blobs=blobs,
                clock=clock,
                dice=SystemDice(),
                registry=Registry(),
                settings=Settings(),
                tasks=tasks,
            )
        )
        wakeups.bind(advance=self.engine.advance, check_key=self.engine.check_key)

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The events that were attempts."""
        return [event for event in self.lambdas.events if event["path"] != "/discover"]

    async def call(self, handler: str, body: int) -> Any:
        """Return the result of a handler, and what its journal consists of."""
        finished = await asyncio.wait_for(self.engine.call(submission(f"Counting/{handler}", b"%d" % body)), 60)
        described = await self.engine.describe(finished.invocation_id)
        assert described.head.status is Status.COMPLETED
        assert finished.outcome.value is not None, finished.outcome.failure
        return json.loads(finished.outcome.value), [MessageType(frame_type(entry)) for entry in described.entries]


@asynccontextmanager
async def installed(dynoxide: Dynoxide, make: Callable[[], Handler]) -> AsyncIterator[Installation]:
    client, blobs = client_of(dynoxide.url), MemoryBlobs()
    names = new_tables(client)
    store = DynamoStore(client, names, clock=SystemClock(), blobs=blobs)
    with FakeLambda({ARN: make}) as lambdas:
        installation = Installation(store, lambdas, blobs, journal_table=names.journal)
        try:
            await installation.engine.register(
                Endpoint(transport="lambda", address=ARN), force=False, breaking=False, dry_run=False, metadata=()
            )
            yield installation
        finally:
            await installation.engine.world.tasks.drain(1)
            installation.functions.close()
            store.close()


@pytest.fixture(autouse=True)
def function_environment(monkeypatch: pytest.MonkeyPatch, dynoxide: Dynoxide) -> None:
    """Set what Lambda sets for a function, and where its DynamoDB is."""
    variables = {
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": dynoxide.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_LAMBDA_FUNCTION_NAME": "greeter",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


STEP = [MessageType.RUN, MessageType.RUN_COMPLETION]


@pytest.mark.parametrize(
    ("make", "attempts"),
    [(ours, 1), (official_adapted, 1), (official, STEPS + 1)],
    ids=["our SDK", "Restate's SDK in our adapter", "Restate's SDK"],
)
async def test_ten_steps(dynoxide: Dynoxide, make: Callable[[], Handler], attempts: int) -> None:
    """Ten steps are one invocation where the handler appends by itself, else eleven; the journal is the same."""
    async with installed(dynoxide, make) as installation:
        total, types = await installation.call("count", STEPS)
        assert total == STEPS
        assert types == [MessageType.INPUT, *(STEP * STEPS), MessageType.OUTPUT]
        assert len(installation.attempts) == attempts


async def test_what_is_appended_is_paid_once(dynoxide: Dynoxide) -> None:
    """Of ten steps that the handler appends the orchestrator writes the first and the last item, and no more."""
    async with installed(dynoxide, ours) as installation:
        before = installation.store.meter.write_units
        await installation.call("count", STEPS)
        # The create, the answer's frames, the commit; nine appends are the function's own.
        assert installation.store.meter.write_units - before <= 4


async def test_long_journals_go_compressed_both_ways(dynoxide: Dynoxide) -> None:
    """A journal of ten megabytes goes through Lambda where both sides speak zstd."""
    async with installed(dynoxide, official) as installation:
        (deployment,) = installation.engine.registry.deployments()
        assert deployment.manifest.lambda_compression == "zstd"
        lengths, _ = await installation.call("repeat", 3_500_000)
        assert lengths == [3_500_000] * 3
        encodings = [event["headers"].get("content-encoding") for event in installation.attempts]
        assert encodings == [None, None, "zstd", "zstd"]


async def test_handlers_that_are_unknown_to_a_function(dynoxide: Dynoxide) -> None:
    """A handler that a function no longer serves is a failed attempt that says so and comes again."""
    async with installed(dynoxide, ours) as installation:
        installation.lambdas.replace(ARN, other)
        accepted = await installation.engine.send(submission("Counting/count"))
        async with asyncio.timeout(10):
            while (failure := (await installation.engine.describe(accepted.invocation_id)).head.last_failure) is None:
                await asyncio.sleep(0.01)
        assert failure.code == 404
        assert "Counting/count is not served here" in failure.message
