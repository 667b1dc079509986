"""Timers that are due later than a message can be delayed: rows, which the sweeper makes messages."""

from __future__ import annotations

import json
import time

from holdfast_aws.wakeup_queue import DELAY_S_MAX
from tests.e2e.aws.cloud import Cloud
from tests.support.site import eventually

# Just too much for a message when it is armed, and soon no longer.
DELAY_S = DELAY_S_MAX + 3


def test_the_sweeper_makes_a_row_a_message(cloud: Cloud) -> None:
    """A row goes when it comes near, and a message that is delayed by the rest of the time is there instead."""
    # The watchdogs of other tests come due all the while.
    cloud.client("sqs").purge_queue(QueueUrl=cloud.outputs["WakeupsQueueUrl"])
    body = {"ticket": "far", "email": "ada@example.com"}
    armed = time.monotonic()
    answer = cloud.site.post(f"/EmailService/send_reminder/send?delay={DELAY_S}s", body)
    invocation_id = answer.json()["invocationId"]
    assert len(cloud.timers(invocation_id)) == 1
    before = _delayed(cloud)
    time.sleep(max(0.0, armed + DELAY_S - DELAY_S_MAX + 1 - time.monotonic()))
    assert eventually(lambda: _swept(cloud)["moved"] >= 1 and not cloud.timers(invocation_id))
    assert _delayed(cloud) > before


def _swept(cloud: Cloud) -> dict[str, int]:
    """Run the sweeper, as the schedule does every few minutes."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.outputs["SweeperName"], Payload=b"{}")
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return dict(result)


def _delayed(cloud: Cloud) -> int:
    name = "ApproximateNumberOfMessagesDelayed"
    url = cloud.outputs["WakeupsQueueUrl"]
    return int(cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])
