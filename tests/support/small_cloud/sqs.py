"""SQS in this process: delays, visibility, batches, and messages that come again until they are deleted."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.support.small_cloud.wire import json_response


@dataclass
class Message:
    """A message: from when on it can be seen, and how often it was."""

    id: str
    body: str
    visible_s: float
    attributes: dict[str, str] = field(default_factory=dict)
    receives: int = 0

    def record(self) -> dict[str, Any]:
        """Return it as an event of Lambda has it."""
        return {
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": str(self.receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


class Sqs:
    """Queues by URL."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[str, Message]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def serve(self, operation: str, request: Any) -> AWSResponse:
        """Answer a request."""
        asked = json.loads(request.body)
        with self._lock:
            queue = self._queues.setdefault(asked["QueueUrl"], {})
            if operation == "ChangeMessageVisibilityBatch":
                return json_response(self._change(queue, asked["Entries"]))
            if operation == "SendMessage":
                return json_response({**self._add(queue, asked)})
            assert operation == "SendMessageBatch", f"nobody serves {operation} here"
            done = [{"Id": entry["Id"], **self._add(queue, entry)} for entry in asked["Entries"]]
            return json_response({"Successful": done, "Failed": []})

    def receive(self, url: str, *, visibility_s: float) -> list[Message]:
        """Return up to ten messages, which nobody else sees for a while."""
        now = time.monotonic()
        with self._lock:
            found = [each for each in self._queues.setdefault(url, {}).values() if each.visible_s <= now][:10]
            for message in found:
                message.visible_s = now + visibility_s
                message.receives += 1
            return found

    def delete(self, url: str, messages: list[Message]) -> None:
        """Delete messages that were handled."""
        with self._lock:
            for message in messages:
                self._queues[url].pop(message.id, None)

    def messages(self, url: str) -> list[Message]:
        """Return all that is there, whether it can be seen or not."""
        with self._lock:
            return list(self._queues.setdefault(url, {}).values())

    def send(self, url: str, body: str) -> None:
        """Put a message there as any producer may."""
        with self._lock:
            self._add(self._queues.setdefault(url, {}), {"MessageBody": body})

    def _add(self, queue: dict[str, Message], entry: dict[str, Any]) -> dict[str, str]:
        message = Message(
            id=f"message-{next(self._numbers)}",
            body=entry["MessageBody"],
            visible_s=time.monotonic() + entry.get("DelaySeconds", 0),
            attributes={name: value["StringValue"] for name, value in entry.get("MessageAttributes", {}).items()},
        )
        queue[message.id] = message
        digest = hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest()
        return {"MessageId": message.id, "MD5OfMessageBody": digest}

    def _change(self, queue: dict[str, Message], entries: list[dict[str, Any]]) -> dict[str, Any]:
        for entry in entries:
            if entry["ReceiptHandle"] in queue:
                queue[entry["ReceiptHandle"]].visible_s = time.monotonic() + entry["VisibilityTimeout"]
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}
