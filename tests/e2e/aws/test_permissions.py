"""Who may do what: the stand-in judges every request of a function by its role, and these look at the strangers."""

from __future__ import annotations

import httpx
import pytest

from localstack.__main__ import door
from localstack.standin import ACCOUNT, REGION
from tests.e2e.aws.cloud import Cloud


@pytest.mark.parametrize("name", ["IngressUrl", "AdminUrl"])
def test_a_door_is_shut_to_strangers(cloud: Cloud, name: str) -> None:
    """A request that nobody has signed is refused by IAM, before any function of ours sees it."""
    answer = httpx.get(f"{door(cloud.running, cloud.outputs[name])}/health", timeout=60)
    assert answer.status_code == 403


def test_only_the_orchestrator_may_send_wakeups(cloud: Cloud) -> None:
    """By its policies the role of a handler function may not write to the queue of wake-ups; the dispatcher's may."""
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{cloud.outputs['WakeupsQueueUrl'].rpartition('/')[2]}"
    assert _may(cloud, "Services-OwnServiceRole", "sqs:SendMessage", queue) is False
    assert _may(cloud, "Holdfast-HoldfastDispatcherRole", "sqs:SendMessage", queue) is True


def _may(cloud: Cloud, role: str, action: str, resource: str) -> bool:
    iam = cloud.client("iam")
    (arn,) = [each["Arn"] for each in iam.list_roles(MaxItems=1000)["Roles"] if each["RoleName"].startswith(role)]
    asked = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource])
    (result,) = asked["EvaluationResults"]
    return bool(result["EvalDecision"] == "allowed")
