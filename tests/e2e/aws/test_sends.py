"""Producers that know nothing but a queue and its messages."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.e2e.aws.cloud import Cloud
from tests.support.site import eventually


def test_a_message_starts_an_invocation(cloud: Cloud) -> None:
    """A plain `send_message` runs a handler, once, though the message comes twice."""
    ticket = f"T-{uuid.uuid4().hex[:8]}"
    body = {"ticket": ticket, "email": "ada@example.com"}
    message = {"service": "EmailService", "handler": "send_ticket", "body": body, "idempotency_key": ticket}
    sqs = cloud.client("sqs")
    for _ in range(2):
        sqs.send_message(QueueUrl=cloud.outputs["SendsQueueUrl"], MessageBody=json.dumps(message))
    assert eventually(lambda: cloud.stage.effects("mailed", ticket))
    assert not eventually(lambda: len(cloud.stage.effects("mailed", ticket)) > 1, within_s=1)


def test_a_bad_message_is_parked_with_its_reason(cloud: Cloud) -> None:
    """What is no send, or names no handler, is found in the dead-letter queue with a sentence that says why."""
    sqs = cloud.client("sqs")
    unknown = json.dumps({"service": "EmailService", "handler": "whisper", "body": 1})
    for body in ("not even JSON", unknown):
        sqs.send_message(QueueUrl=cloud.outputs["SendsQueueUrl"], MessageBody=body)
    reasons: dict[str, str] = {}

    def parked() -> bool:
        for message in _received(sqs, cloud.outputs["SendsDeadQueueUrl"]):
            reasons[message["Body"]] = message["MessageAttributes"]["HoldfastReason"]["StringValue"]
        return len(reasons) == 2

    assert eventually(parked)
    assert "Invalid JSON" in reasons["not even JSON"]
    assert reasons[unknown] == (
        "service 'EmailService' has no handler 'whisper'; its handlers are: send_reminder, send_ticket"
    )


def _received(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return list(answer.get("Messages", []))
