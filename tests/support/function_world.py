"""An orchestrator on DynamoDB whose handlers are functions as Lambda has them; Lambda alone is in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Self

import holdfast
from holdfast._version import SDK_VERSION
from holdfast.aws_lambda import LambdaHandler
from holdfast_aws.lambda_functions import Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Engine, Finished, Submission
from holdfast_engine.registry import Deployment, Endpoint, Registry
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.surroundings import SystemClock, SystemDice
from holdfast_local.wakeups import LocalWakeups
from holdfast_protocol.manifest import Manifest
from tests.support.engine_world import MemoryBlobs, ScriptedDiscovery, target

ARN = "arn:aws:lambda:us-east-1:123456789012:function:tested:1"

Deploy = Callable[[], LambdaHandler]


class Context:
    """What Lambda gives a function besides the event."""

    def __init__(self, remaining_ms: Callable[[], int]) -> None:
        self.get_remaining_time_in_millis = remaining_ms


class FakeLambda:
    """Lambda as a client of AWS sees it: each instance runs one request at a time, and one that is idle is used again.

    `around` is called with what runs a request; a test may put trouble there.
    """

    meta = SimpleNamespace(region_name="us-east-1")

    def __init__(self, deploy: Deploy) -> None:
        self._deploy = deploy
        self._idle: list[LambdaHandler] = []
        self.remaining_ms: Callable[[], int] = lambda: 900_000
        self.invocations = 0
        self.around: Callable[[Callable[[], dict[str, Any]]], dict[str, Any]] = lambda run: run()

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's
        """Run a request as Lambda does."""
        assert (FunctionName, InvocationType) == (ARN, "RequestResponse")
        self.invocations += 1
        return self.around(lambda: self._run(Payload))

    def _run(self, event: bytes) -> dict[str, Any]:
        # Taking from and putting back to a list is atomic.
        handler = self._idle.pop() if self._idle else self._deploy()
        try:
            answer = handler(json.loads(event), Context(self.remaining_ms))
        except BaseException as error:  # noqa: BLE001 - it ends the function's process; the instance is not used again
            payload = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": BytesIO(json.dumps(payload).encode())}
        self._idle.append(handler)
        return {"Payload": BytesIO(json.dumps(answer).encode())}


class FunctionWorld:
    """An engine over a store, with wake-ups in this process; entering starts it."""

    def __init__(self, store: DynamoStore, deploy: Deploy, manifest: Manifest, *, has_grants: bool = True) -> None:
        clock, settings = SystemClock(), Settings()
        tasks = Tasks(settings.attempts_max)
        self.functions = FakeLambda(deploy)
        self._functions = Functions(self.functions, sts=None)
        self.store = store
        self.wakeups = LocalWakeups(clock=clock, tasks=tasks, settle=lambda _: None)
        self.world = World(
            store=store,
            wakeups=self.wakeups,
            invoker=LambdaInvoker(self._functions, journal_table=store.models.head.Meta.table_name, clock=clock),
            discovery=ScriptedDiscovery(),
            blobs=MemoryBlobs(),
            clock=clock,
            dice=SystemDice(),
            registry=Registry([deployment(manifest, has_grants=has_grants)]),
            settings=settings,
            tasks=tasks,
        )
        self.engine = Engine(self.world)
        self.wakeups.bind(advance=self.engine.advance, check_key=self.engine.check_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.wakeups.stop()
        await self.world.tasks.drain(5)
        self._functions.close()

    async def call(self, path: str, body: bytes = b"1") -> Finished:
        return await asyncio.wait_for(self.engine.call(self._submission(path, body)), 60)

    async def send(self, path: str, body: bytes = b"1") -> str:
        return (await self.engine.send(self._submission(path, body))).invocation_id

    async def entries(self, invocation_id: str) -> tuple[bytes, ...]:
        return (await self.engine.describe(invocation_id)).entries

    def _submission(self, path: str, body: bytes) -> Submission:
        return Submission(
            target=target(path), headers=(), body=body, idempotency_key=None, invoke_at_ms=None, limit_key=None
        )


def services_manifest(*services: Any) -> Manifest:
    """Return the manifest of some services."""
    return holdfast.Endpoint(services).manifest()


def function_environment(url: str) -> Mapping[str, str]:
    """Return the environment of a function whose DynamoDB is at that address."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "AWS_ACCESS_KEY_ID": "key-of-tests",
        "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    }


def deployment(manifest: Manifest, *, has_grants: bool = True) -> Deployment:
    """Return the deployment of a function that serves what a manifest says."""
    return Deployment(
        id="dp_10000000000000000000001",
        endpoint=Endpoint(transport="lambda", address=ARN),
        manifest=manifest,
        revisions=tuple((service.name, 1) for service in manifest.services),
        created_ms=1,
        sdk_version=SDK_VERSION if has_grants else "restate-sdk-other/1.0",
    )
