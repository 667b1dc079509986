"""Functions behind the Lambda invoker under test: what it sends them, and what it makes of what they do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from holdfast_aws.lambda_functions import Functions
from holdfast_aws.lambda_invoker import LambdaInvoker
from holdfast_engine.ports import Answer, AttemptFailure, Grant
from holdfast_engine.records import Slot
from holdfast_engine.registry import Deployment, Endpoint
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.envelope import response_envelope
from tests.support.attempts import END, NOW_MS, OUTPUT, FixedClock, attempt, manifest
from tests.support.fake_lambda import ARN, REGION, FakeLambda, answering

V7 = "application/vnd.restate.invocation.v7"
OURS = "restate-sdk-holdfast/0.1.0"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/journal"
SLOT = Slot(page=2, count=3, base=40, frames_bytes=417)
GRANT = Grant(epoch=7, slot=SLOT, durable=43, taken=("s#1",), created_ms=NOW_MS, retention_ms=1_000, first_epoch=6)


@dataclass(frozen=True)
class Checkpoint:
    """The part of the engine's checkpoint that an invoker looks at."""

    grant: Grant = GRANT


def deployment(
    *, address: str = ARN, sdk_version: str | None = None, takes_zstd: bool = False, **endpoint: Any
) -> Deployment:
    served = replace(manifest(), lambda_compression="zstd" if takes_zstd else None)
    return Deployment(
        id="dp_1",
        endpoint=Endpoint(transport="lambda", address=address, **endpoint),
        manifest=served,
        revisions=(("Greeter", 1),),
        created_ms=NOW_MS,
        sdk_version=sdk_version,
    )


async def invoke_by(
    client: Any,
    *,
    on: Deployment | None = None,
    request: AttemptRequest | None = None,
    checkpoint: Any = None,
    timeout_ms: int = 5000,
) -> Answer:
    functions = Functions(client, sts=None)
    invoker = LambdaInvoker(functions, journal_table=TABLE, clock=FixedClock())
    try:
        return await invoker.invoke(
            on or deployment(), request or attempt(), checkpoint=checkpoint, timeout_ms=timeout_ms
        )
    finally:
        functions.close()


async def invoke(answer: Callable[[dict[str, Any]], Any], **options: Any) -> Answer:
    """Return what the invoker makes of a function that answers so."""
    with FakeLambda(answering(answer)) as client:
        return await invoke_by(client, **options)


def ok(body: bytes = OUTPUT + END, headers: Mapping[str, str] | None = None, status: int = 200) -> dict[str, Any]:
    return response_envelope(status=status, headers={"content-type": V7, **(headers or {})}, body=body)


async def event_of(**options: Any) -> dict[str, Any]:
    """Return the event that a function gets."""
    events: list[dict[str, Any]] = []

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return ok()

    assert (await invoke(answer, **options)).failure is None
    return events[0]


def failure_of(answer: Answer) -> AttemptFailure:
    assert answer.failure is not None
    return answer.failure


class Reporting:
    """A client whose functions fail with a report, or answer it."""

    def __init__(self, payload: bytes, *, has_failed: bool = True) -> None:
        self.meta = SimpleNamespace(region_name=REGION)
        self._payload = payload
        self._error = {"FunctionError": "Unhandled"} if has_failed else {}

    def invoke(self, **_: Any) -> dict[str, Any]:
        return {"StatusCode": 200, "Payload": BytesIO(self._payload), **self._error}


class Raising:
    """A client whose calls fail."""

    def __init__(self, error: Exception) -> None:
        self.meta = SimpleNamespace(region_name=REGION)
        self._error = error

    def invoke(self, **_: Any) -> Any:
        raise self._error


class Hanging:
    """A client whose functions answer when the gate is open."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(region_name=REGION)
        self.gate = threading.Event()
        self.calls = 0

    def invoke(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        self.gate.wait(10)
        return {"StatusCode": 200, "Payload": BytesIO(b"{}")}


class FakeSts:
    """Hands out credentials that last."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        expiration = datetime.now(UTC) + timedelta(hours=1)
        return {
            "Credentials": {
                "AccessKeyId": "assumed",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": expiration,
            }
        }


class Signing:
    """A client that looks up its session's credentials for every call, as one that signs does."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.keys: list[str] = []

    def invoke(self, **_: Any) -> dict[str, Any]:
        self.keys.append(self._session.get_credentials().get_frozen_credentials().access_key)
        return {"StatusCode": 200, "Payload": BytesIO(b"{}")}
