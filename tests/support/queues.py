"""A client of SQS that keeps what it is sent, for tests of those who write to a queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Entry = dict[str, Any]
Script = Callable[[int, list[Entry]], list[Entry]]


class FakeSqs:
    """Takes batches; `script` is asked what fails of each: given its number and entries, the failures, or it raises."""

    def __init__(self, script: Script | None = None) -> None:
        self.batches: list[list[Entry]] = []
        self.script = script
        self.gate: threading.Event | None = None
        self.under_way = 0
        self.most_under_way = 0
        self._lock = threading.Lock()

    @property
    def entries(self) -> list[Entry]:
        """All entries that were asked for, failed ones included."""
        return [entry for batch in self.batches for entry in batch]

    @property
    def bodies(self) -> list[str]:
        return [entry["MessageBody"] for entry in self.entries]

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Entry]) -> dict[str, Any]:  # noqa: N803 - boto's names.
        with self._lock:
            number = len(self.batches)
            self.batches.append(Entries)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.gate is not None:
                self.gate.wait(10)
            return {"Failed": self.script(number, Entries) if self.script is not None else []}
        finally:
            with self._lock:
                self.under_way -= 1


def client_error(code: str, *, status: int = 400, operation: str = "Invoke", **more: Any) -> ClientError:
    """Return the exception of a botocore client for an answer that says so."""
    error = {"Code": code, "Message": "because"}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}, **more}, operation)
