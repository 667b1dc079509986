"""An engine without durability: keeps submissions in memory and answers with what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import cast

from holdfast_engine.engine import (
    Accepted,
    CancelOutcome,
    Description,
    Engine,
    Finished,
    KillOutcome,
    PauseOutcome,
    Registration,
    Submission,
)
from holdfast_engine.errors import AlreadyInvoked, RequestRejected, UnknownInvocation
from holdfast_engine.ids import idempotent_id, workflow_run_id
from holdfast_engine.ports import Converted
from holdfast_engine.ports.listing import History
from holdfast_engine.records import Head, Kind, Outcome, Status, Target
from holdfast_engine.registry import Deployment, Endpoint, Registry, ServiceSpec
from holdfast_engine.stuck import Reason
from holdfast_protocol.ids import encode_invocation_id
from holdfast_protocol.manifest import HandlerManifest, InputSpec, Manifest, Options, OutputSpec, ServiceManifest

NOW_MS = 1_800_000_000_000
RETENTION_MS = 24 * 60 * 60 * 1000
RESTARTED = "inv_1restarted"

JSON_INPUT = InputSpec(required=True, content_type="application/json", json_schema={"type": "string"})
ANY_JSON_INPUT = InputSpec(required=False, content_type="application/json")
JSON_OUTPUT = OutputSpec(content_type="application/json", set_content_type_if_empty=False)
BYTES_INPUT = InputSpec(required=True, content_type="application/*")
BYTES_OUTPUT = OutputSpec(content_type="application/octet-stream", set_content_type_if_empty=True)

SERVICES = (
    ServiceManifest(
        name="Greeter",
        kind="service",
        handlers=(
            HandlerManifest(name="greet", kind=None, input=JSON_INPUT, output=JSON_OUTPUT),
            HandlerManifest(name="any", kind=None),
            HandlerManifest(name="bytes", kind=None, input=BYTES_INPUT, output=BYTES_OUTPUT),
        ),
    ),
    ServiceManifest(
        name="Counter",
        kind="object",
        handlers=(
            HandlerManifest(name="add", kind="exclusive", input=ANY_JSON_INPUT, output=JSON_OUTPUT),
            HandlerManifest(name="get", kind="shared", output=JSON_OUTPUT),
        ),
    ),
    ServiceManifest(
        name="Signup",
        kind="workflow",
        handlers=(
            HandlerManifest(name="run", kind="workflow", input=ANY_JSON_INPUT, output=JSON_OUTPUT),
            HandlerManifest(name="verify", kind="shared"),
        ),
    ),
    ServiceManifest(
        name="Hidden",
        kind="service",
        handlers=(HandlerManifest(name="work", kind=None),),
        options=Options(ingress_private=True, inactivity_timeout_ms=90_000),
        documentation="Only for other handlers.",
        metadata={"team": "core"},
    ),
)

Answering = Callable[[Submission], Awaitable[Outcome]]


async def echo(submission: Submission) -> Outcome:
    """Answer with the body."""
    return Outcome(value=submission.body)


def deployment_of(*services: ServiceManifest, address: str = "tests") -> Deployment:
    """Return a deployment of these services."""
    manifest = Manifest(
        protocol_mode="request_response", min_protocol_version=5, max_protocol_version=7, services=services
    )
    return Deployment(
        id="dp_10000000000000000000001",
        endpoint=Endpoint(transport="in-process", address=address),
        manifest=manifest,
        revisions=tuple((service.name, 1) for service in services),
        created_ms=NOW_MS,
        sdk_version="restate-sdk-test/1.0.0",
    )


class FakeEngine:
    """Stands where `Engine` does; `calls` runs `answering` once per invocation; `operated` is what was asked of it."""

    def __init__(self, answering: Answering = echo) -> None:
        self.registry = Registry([deployment_of(*SERVICES)])
        self.answering = answering
        self.submissions: list[Submission] = []
        self.completed_awakeables: list[tuple[str, Outcome]] = []
        self.registered: list[Endpoint] = []
        self.drained: list[Deployment] = []
        self.converted: Converted | None = None
        self.register_result: Registration | Exception | None = None
        self.cancel_outcome = CancelOutcome.APPENDED
        self.kill_outcome = KillOutcome.DONE
        self.pause_outcome = PauseOutcome.DONE
        self.operated: list[tuple[object, ...]] = []
        self.descriptions: dict[str, Description] = {}
        self.reasons: dict[str, Reason] = {}
        self._runs: dict[str, asyncio.Task[Outcome]] = {}

    @property
    def as_engine(self) -> Engine:
        """Return itself as what the applications ask for."""
        return cast(Engine, self)

    async def send(self, submission: Submission) -> Accepted:
        invocation_id, is_new = self._submit(submission)
        return Accepted(invocation_id=invocation_id, is_new=is_new, invoke_at_ms=submission.invoke_at_ms)

    async def call(self, submission: Submission) -> Finished:
        invocation_id, is_new = self._submit(submission)
        if not is_new and self._kind(submission.target) is Kind.WORKFLOW:
            raise AlreadyInvoked("the workflow was already invoked")
        return await self._finished(invocation_id)

    async def result(self, invocation_id: str, *, wait: bool) -> Finished | None:
        run = self._run(invocation_id)
        if not run.done() and not wait:
            return None
        return await self._finished(invocation_id)

    def invocation_id_of(self, target: Target, *, idempotency_key: str | None) -> str:
        return workflow_run_id(target) if idempotency_key is None else idempotent_id(target, idempotency_key)

    async def complete_awakeable(self, awakeable_id: str, outcome: Outcome) -> None:
        if not awakeable_id.startswith("sign_1"):
            raise RequestRejected(f"not the id of an awakeable: {awakeable_id!r}")
        self.completed_awakeables.append((awakeable_id, outcome))

    async def cancel(self, invocation_id: str) -> CancelOutcome:
        self._run(invocation_id)
        return self.cancel_outcome

    async def kill(self, invocation_id: str) -> KillOutcome:
        self._run(invocation_id)
        return self.kill_outcome

    async def pause(self, invocation_id: str) -> PauseOutcome:
        self._run(invocation_id)
        return self.pause_outcome

    async def pause_at_once(self, invocation_id: str) -> PauseOutcome:
        return await self.pause(invocation_id)

    async def resume(self, invocation_id: str, *, deployment: str) -> None:
        self._run(invocation_id)
        self.operated.append(("resume", deployment))

    async def restart(self, invocation_id: str, *, from_index: int, deployment: str | None) -> str:
        self._run(invocation_id)
        self.operated.append(("restart", from_index, deployment))
        return RESTARTED

    async def purge(self, invocation_id: str) -> None:
        self._run(invocation_id)
        self.operated.append(("purge",))

    async def purge_journal(self, invocation_id: str) -> None:
        self._run(invocation_id)
        self.operated.append(("purge journal",))

    async def head(self, invocation_id: str) -> Head:
        run = self._run(invocation_id)
        head = self.descriptions[invocation_id].head
        return replace(head, status=Status.COMPLETED) if run.done() else head

    async def describe(self, invocation_id: str) -> Description:
        self._run(invocation_id)
        return self.descriptions[invocation_id]

    async def why(self, head: Head, *, entries: Sequence[bytes] | None) -> Reason | None:
        return self.reasons.get(head.id)

    async def history(self, invocation_id: str) -> History:
        return History(moments=(), failures=())

    async def register(self, endpoint: Endpoint, **_options: object) -> Registration:
        self.registered.append(endpoint)
        result = self.register_result
        if isinstance(result, Exception):
            raise result
        return result or Registration(deployment=deployment_of(*SERVICES, address=endpoint.address), is_new=True)

    async def modify_deployment(
        self, deployment_id: str, endpoint: Endpoint, *, overwrite: bool, dry_run: bool
    ) -> Deployment:
        self.operated.append(("modify", deployment_id, overwrite, dry_run))
        self.registered.append(endpoint)
        return replace(deployment_of(*SERVICES), endpoint=endpoint)

    async def convert(self, service: str, path: Sequence[str], content: bytes) -> Converted | None:
        self.operated.append(("convert", service, tuple(path), content))
        return self.converted

    async def drained_deployments(self) -> Sequence[Deployment]:
        return self.drained

    async def forget_deployment(self, deployment_id: str, *, force: bool) -> None:
        self.operated.append(("forget", deployment_id, force))

    async def configure(self, service: str, change: Options) -> ServiceSpec:
        self.operated.append(("configure", service, change))
        found = self.registry.service(service)
        assert found is not None, f"there is no {service}"
        return found

    def _submit(self, submission: Submission) -> tuple[str, bool]:
        self.submissions.append(submission)
        invocation_id = self._id(submission)
        is_new = invocation_id not in self._runs
        if is_new:
            self._runs[invocation_id] = asyncio.ensure_future(self.answering(submission))
        return invocation_id, is_new

    def _id(self, submission: Submission) -> str:
        if self._kind(submission.target) is Kind.WORKFLOW:
            return workflow_run_id(submission.target)
        if submission.idempotency_key is not None:
            return idempotent_id(submission.target, submission.idempotency_key)
        return encode_invocation_id(len(self._runs).to_bytes(24, "big"))

    def _kind(self, target: Target) -> Kind:
        return self.registry.target(target).kind

    def _run(self, invocation_id: str) -> asyncio.Task[Outcome]:
        if invocation_id not in self._runs:
            raise UnknownInvocation(f"there is no invocation {invocation_id}")
        return self._runs[invocation_id]

    async def _finished(self, invocation_id: str) -> Finished:
        run = self._run(invocation_id)
        was_stored = run.done()
        outcome = await asyncio.shield(run)
        return Finished(
            invocation_id=invocation_id,
            outcome=outcome,
            completed_ms=NOW_MS,
            expires_ms=NOW_MS + RETENTION_MS,
            was_stored=was_stored,
        )
