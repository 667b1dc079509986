"""The sends queue: a message that names a service and a handler starts an invocation.

Anybody may write to it, so everything in a message is checked. What cannot be an invocation goes to the dead-letter
queue with the reason as an attribute, at once: trying again would not make it better.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from holdfast_aws.runtime.batches import handle_batch
from holdfast_engine.engine import Submission
from holdfast_engine.errors import RequestRejected, UnknownTarget
from holdfast_engine.records import Kind, Target
from holdfast_engine.registry import HandlerSpec

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from holdfast_aws.runtime.process import Process

_LOG = logging.getLogger("holdfast.aws")

REASON_ATTRIBUTE = "HoldfastReason"
MESSAGE_ID_ATTRIBUTE = "HoldfastMessageId"
# SQS takes a message of 1 MiB with its attributes; a reason is a sentence, not the message over again.
_REASON_CHARACTERS_MAX = 1_000
_JSON = ("content-type", "application/json")

_Name = Annotated[str, Field(min_length=1, max_length=500)]


class Send(BaseModel):
    """One message of the queue.

    `body` is any JSON value, and is what the handler gets; without it the handler gets an empty body. `delay` is a
    number of seconds or an ISO 8601 duration. Without an idempotency key the message's own id is one, so that a message
    that SQS delivers twice is still one invocation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: _Name
    handler: _Name
    key: str | None = None
    body: JsonValue = None
    headers: dict[str, str] = Field(default_factory=dict)
    idempotency_key: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    delay: Annotated[timedelta, Field(ge=timedelta(0))] | None = None

    @property
    def target(self) -> Target:
        """What it calls."""
        return Target(service=self.service, key=self.key, handler=self.handler)

    @property
    def content(self) -> bytes:
        """The body as the handler gets it."""
        if "body" not in self.model_fields_set:
            return b""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers as the handler gets them; a body is JSON, and says so."""
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        is_said = any(name == "content-type" for name, _ in headers)
        return headers if is_said or "body" not in self.model_fields_set else (_JSON, *headers)


class Parking(Protocol):
    """The queue of dead letters."""

    async def park(self, body: str, *, attributes: Mapping[str, str]) -> None:
        """Put a message there; it is durable when this returns."""
        ...


class InputCheck(Protocol):
    """Says whether a handler takes an input."""

    def __call__(self, handler: HandlerSpec, *, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Raise RequestRejected when it does not."""
        ...


class Sends:
    """Handles batches of sends."""

    def __init__(self, process: Process, *, parking: Parking, check_input: InputCheck) -> None:
        self._process = process
        self._parking = parking
        self._check_input = check_input

    async def handle(self, event: Mapping[str, Any], _: object) -> dict[str, Any]:
        """Handle a batch; return which messages have to come again."""
        return await handle_batch(event, self._one)

    async def _one(self, record: SQSRecord) -> None:
        try:
            send = Send.model_validate_json(record.body)
            await self._relay(send, record.message_id)
        except ValidationError as error:
            await self._park(record, _sentence(error))
        except RequestRejected as error:
            await self._park(record, str(error))
        except Exception:
            _LOG.exception("message %s could not be handled and comes back", record.message_id)
            raise

    async def _relay(self, send: Send, message_id: str) -> None:
        handler = await self._handler(send)
        self._check_input(handler, headers=send.all_headers, body=send.content)
        invoke_at_ms = None
        if send.delay:
            invoke_at_ms = self._process.now_ms() + round(send.delay.total_seconds() * 1000)
        submission = Submission(
            target=send.target,
            headers=send.all_headers,
            body=send.content,
            # A workflow runs once per key, which is idempotent by itself and takes no key of another kind.
            idempotency_key=send.idempotency_key or (None if handler.kind is Kind.WORKFLOW else f"sqs:{message_id}"),
            invoke_at_ms=invoke_at_ms,
            limit_key=None,
        )
        accepted = await self._process.engine.relay(submission)
        self._process.telemetry.count("SendsAccepted")
        _LOG.info("message %s is invocation %s", message_id, accepted.invocation_id)

    async def _handler(self, send: Send) -> HandlerSpec:
        try:
            return self._process.engine.registry.target(send.target)
        except UnknownTarget:
            # It may have been registered since this process last looked.
            if not await self._process.look_again():
                raise
            return self._process.engine.registry.target(send.target)

    async def _park(self, record: SQSRecord, reason: str) -> None:
        # Why may quote the message, which is nobody's business but its reader's.
        _LOG.warning(
            "message %s is no invocation and is parked: its attribute %s says why", record.message_id, REASON_ATTRIBUTE
        )
        attributes = {
            REASON_ATTRIBUTE: reason[:_REASON_CHARACTERS_MAX],
            MESSAGE_ID_ATTRIBUTE: record.message_id,
        }
        await self._parking.park(record.body, attributes=attributes)
        self._process.telemetry.count("SendsParked")


def _sentence(error: ValidationError) -> str:
    problems = [
        f"{'.'.join(str(part) for part in problem['loc']) or 'the message'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return f"the message is no send: {'; '.join(problems)}"
