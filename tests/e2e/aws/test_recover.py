"""All messages and timers are lost, and made anew from the tables alone."""

from __future__ import annotations

import time
import uuid
from functools import partial

from tests.e2e.aws.cloud import Cloud
from tests.support.site import eventually

# What is due so soon is a message with a delay; the next is for machines on which losing it takes longer.
SOON_S = (6, 30)
# What is due later than a message can be delayed is a row.
LATER = "20m"


def test_recover_needs_the_tables_alone(cloud: Cloud) -> None:
    """When queue and timers are emptied nothing goes on; after `holdfast recover` all does, once, and in its time."""
    later = _remind(cloud, "later", delay=LATER)
    assert cloud.timers(later)
    names = _lost(cloud)
    _empty(cloud)
    assert not cloud.timers(later)

    for _ in range(2):
        said = cloud.holdfast("recover", "--stack", "Holdfast")
        assert said.returncode == 0, said.stderr
        assert "Invocations woken: " in said.stdout
    for name in names:
        assert eventually(partial(cloud.stage.effects, "reminded", name), within_s=60), name
    assert [len(cloud.stage.effects("reminded", name)) for name in names] == [1] * len(names)
    assert len(cloud.timers(later)) == 1


def _lost(cloud: Cloud) -> list[str]:
    """Return the names of invocations that are due, and of which no message is left."""
    for delay_s in SOON_S:
        names = [f"R-{uuid.uuid4().hex[:8]}" for _ in range(5)]
        due = time.monotonic() + delay_s
        for name in names:
            _remind(cloud, name, delay=f"{delay_s}s")
        cloud.client("sqs").purge_queue(QueueUrl=cloud.outputs["WakeupsQueueUrl"])
        is_in_time = time.monotonic() < due
        time.sleep(max(0.0, due - time.monotonic()) + 2)
        if is_in_time:
            came = [name for name in names if cloud.stage.effects("reminded", name)]
            assert not came, f"their messages were not lost, so this run proves nothing: {came}"
            return names
    raise AssertionError("the queue was never emptied in time: this run proves nothing")


def test_a_stack_without_holdfast_is_named(cloud: Cloud) -> None:
    """Where there is nothing to recover, one sentence says so, and nothing is done."""
    for stack, sentence in (("Services", "has no Holdfast in it"), ("Nowhere", "could not be looked at")):
        said = cloud.holdfast("recover", "--stack", stack)
        assert (said.returncode, said.stdout) == (1, "")
        assert f"The stack '{stack}' {sentence}" in said.stderr


def _remind(cloud: Cloud, ticket: str, *, delay: str) -> str:
    body = {"ticket": ticket, "email": "ada@example.com"}
    answer = cloud.site.post(f"/EmailService/send_reminder/send?delay={delay}", body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["invocationId"])


def _empty(cloud: Cloud) -> None:
    """Delete all timers."""
    dynamodb, table = cloud.client("dynamodb"), cloud.outputs["TimersTable"]
    for row in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"p": row["p"], "s": row["s"]})
