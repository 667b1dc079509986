"""Answering CloudFormation: a custom resource's function puts its answer to a URL that came with the event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

# CloudFormation waits for an hour when no answer comes, and refuses one of more than 4 KiB.
_REASON_CHARACTERS_MAX = 1_000
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAnswer:
    """What became of a request for a custom resource; `reason` is set when it failed."""

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


def send_answer(event: Mapping[str, Any], answer: ResourceAnswer) -> None:
    """Tell CloudFormation; until this has been done, the deployment stands still."""
    content = {
        "Status": "SUCCESS" if answer.reason is None else "FAILED",
        "Reason": (answer.reason or "")[:_REASON_CHARACTERS_MAX],
        "PhysicalResourceId": answer.physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": dict(answer.data),
    }
    # The URL is signed for a request without a content type.
    request = Request(
        event["ResponseURL"], data=json.dumps(content).encode(), method="PUT", headers={"content-type": ""}
    )
    with urlopen(request, timeout=_TIMEOUT_S) as response:
        response.read()
