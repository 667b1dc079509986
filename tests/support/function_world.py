"""An orchestrator on DynamoDB whose handlers are functions as Lambda has them; Lambda alone is in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Self

import holdfast
from holdfast.aws_lambda import LambdaHandler
from holdfast_aws.store import DynamoStore
from holdfast_engine.engine import Engine, Finished, Submission
from holdfast_engine.ports import Answer, AttemptFailure, GrantedCheckpoint
from holdfast_engine.records import Slot
from holdfast_engine.registry import Deployment, Endpoint, Registry
from holdfast_engine.world import Settings, Tasks, World
from holdfast_local.surroundings import SystemClock, SystemDice
from holdfast_local.wakeups import LocalWakeups
from holdfast_protocol import grants
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.envelope import parse_response, request_envelope
from holdfast_protocol.frames import split_frames
from holdfast_protocol.manifest import Manifest
from holdfast_protocol.messages import encode
from holdfast_protocol.versions import invocation_media_type
from tests.support.engine_world import MemoryBlobs, NoDiscovery, target

Deploy = Callable[[], LambdaHandler]


class Context:
    """What Lambda gives a function besides the event."""

    def __init__(self, remaining_ms: Callable[[], int]) -> None:
        self.get_remaining_time_in_millis = remaining_ms


class Functions:
    """An invoker of functions: each instance runs one attempt at a time, and one that is idle is used again."""

    def __init__(self, deploy: Deploy, *, table: str) -> None:
        self._deploy = deploy
        self._table = table
        self._idle: list[LambdaHandler] = []
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="function")
        self.has_grants = True
        self.remaining_ms: Callable[[], int] = lambda: 900_000
        self.invocations = 0
        # Whatever Lambda does around the call of a function; a test may put trouble here.
        self.around: Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]] = self._call

    def takes_checkpoints(self, deployment: Deployment) -> bool:
        return self.has_grants

    async def invoke(
        self, deployment: Deployment, request: AttemptRequest, *, checkpoint: GrantedCheckpoint | None, timeout_ms: int
    ) -> Answer:
        self.invocations += 1
        event = json.dumps(self._event(request, checkpoint))
        is_direct = checkpoint is not None
        try:
            payload = await asyncio.wait_for(self.around(lambda: self._run(event)), timeout_ms / 1000)
        except Exception as error:  # noqa: BLE001 - whatever it is, Lambda says that the function failed
            failure = AttemptFailure(code=500, message=repr(error), rt_code="RT0010")
            return Answer(frames=(), failure=failure, is_direct=is_direct)
        response = parse_response(payload)
        assert response.status == 200, response
        reached = grants.reached_from_headers(response.headers)
        return Answer(
            frames=split_frames(response.body),
            is_direct=is_direct,
            slot=Slot(**asdict(reached.slot)) if reached is not None else None,
            is_certain=reached is None or reached.is_certain,
        )

    def close(self) -> None:
        self._threads.shutdown()
        self._idle.clear()

    def _event(self, request: AttemptRequest, checkpoint: GrantedCheckpoint | None) -> dict[str, Any]:
        media_type = invocation_media_type(request.protocol_version)
        headers = {"content-type": media_type, "accept": media_type}
        if checkpoint is not None:
            grant = checkpoint.grant
            headers |= grants.grant_headers(
                grants.JournalGrant(
                    table=self._table,
                    epoch=grant.epoch,
                    slot=grants.Slot(**asdict(grant.slot)),
                    durable=grant.durable,
                    taken=grant.taken,
                )
            )
        path = f"/invoke/{request.service}/{request.handler}"
        return request_envelope(path=path, headers=headers, body=b"".join((encode(request.start), *request.entries)))

    async def _call(self, run: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    def _run(self, event: str) -> bytes:
        # Taking from and putting back to a list is atomic.
        handler = self._idle.pop() if self._idle else self._deploy()
        try:
            answer = handler(json.loads(event), Context(self.remaining_ms))
        except BaseException as error:
            # It ends the function's process, not this one; the instance is not used again.
            raise RuntimeError(f"the function failed: {error!r}") from error
        self._idle.append(handler)
        return json.dumps(answer).encode()


class FunctionWorld:
    """An engine over a store, with wake-ups in this process; entering starts it."""

    def __init__(
        self, store: DynamoStore, deploy: Deploy, manifest: Manifest, *, settings: Settings | None = None
    ) -> None:
        clock = SystemClock()
        self.settings = settings or Settings()
        tasks = Tasks(self.settings.attempts_max)
        self.functions = Functions(deploy, table=store.models.head.Meta.table_name)
        self.store = store
        self.wakeups = LocalWakeups(clock=clock, tasks=tasks, settle=lambda _: None)
        self.world = World(
            store=store,
            wakeups=self.wakeups,
            invoker=self.functions,
            discovery=NoDiscovery(),
            blobs=MemoryBlobs(),
            clock=clock,
            dice=SystemDice(),
            registry=Registry([_deployment(manifest)]),
            settings=self.settings,
            tasks=tasks,
        )
        self.engine = Engine(self.world)
        self.wakeups.bind(advance=self.engine.advance, check_key=self.engine.check_key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.wakeups.stop()
        await self.world.tasks.drain(5)
        self.functions.close()

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


def _deployment(manifest: Manifest) -> Deployment:
    return Deployment(
        id="dp_10000000000000000000001",
        endpoint=Endpoint(transport="lambda", address="arn:aws:lambda:us-east-1:123456789012:function:tested:1"),
        manifest=manifest,
        revisions=tuple((service.name, 1) for service in manifest.services),
        created_ms=1,
    )
