"""An invocation that can only fail is put aside on AWS as well, without a dead letter, and others are served."""

from __future__ import annotations

from tests.e2e.aws.cloud import Cloud
from tests.support.poisoning import poison_is_parked_and_starves_nobody

POISONS = 3


def test_poison_is_parked_and_starves_nobody(cloud: Cloud) -> None:
    """Each poison is tried as often as the policy says and pauses with its reason; all the others complete."""
    poison_is_parked_and_starves_nobody(cloud.site, cloud.steps_log, count=POISONS)
    name = "ApproximateNumberOfMessages"
    url = cloud.outputs["WakeupsDeadQueueUrl"]
    told = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    assert told["Attributes"][name] == "0"
