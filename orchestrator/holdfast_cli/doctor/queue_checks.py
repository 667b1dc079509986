"""Checks of an installation's queues and alarms: what is parked, what stands still, what rings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from holdfast_cli.doctor.findings import Check, Verdict

if TYPE_CHECKING:
    from holdfast_aws.stack import Stack

# As the installation's own alarm has it: a watchdog is delayed by a quarter of an hour, and put back for as long again.
_AGE_SECONDS_MAX = 45 * 60
_METRIC_WINDOW = timedelta(minutes=15)
_METRIC_PERIOD_S = 300
# As many as one request may name.
_ALARMS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Queue:
    name: str
    arn: str
    waiting: int
    in_flight: int
    delayed: int
    # The queue to which this one gives up its messages.
    dead_arn: str | None


class QueueChecks:
    """The checks of one stack's queues and alarms."""

    def __init__(self, stack: Stack, *, now_ms: int) -> None:
        self._stack = stack
        self._now = datetime.fromtimestamp(now_ms / 1000, UTC)

    def all(self) -> list[Check]:
        """Return them in the order in which a reader wants to know."""
        return [
            Check(name="parked messages", find=self._parked),
            Check(name="queues", find=self._ages),
            Check(name="alarms", find=self._alarms),
        ]

    def _parked(self) -> Iterator[tuple[Verdict, str]]:
        queues = self._queues()
        dead = {each.dead_arn for each in queues}
        parked = [each for each in queues if each.arn in dead and each.waiting + each.in_flight]
        for each in parked:
            count = each.waiting + each.in_flight
            yield (
                Verdict.FAILURE,
                f"{count} in {each.name}: their attributes say why; send them back by a redrive when that is mended.",
            )
        if queues and not parked:
            yield Verdict.OK, "None."

    def _ages(self) -> Iterator[tuple[Verdict, str]]:
        queues = self._queues()
        dead = {each.dead_arn for each in queues}
        for each in queues:
            if each.arn in dead:
                continue
            age_s = self._oldest_s(each.name)
            said = f"{each.name}: {each.waiting} waiting, {each.in_flight} in hand, {each.delayed} not due"
            if age_s > _AGE_SECONDS_MAX:
                yield Verdict.FAILURE, f"{said}; the oldest waits for {age_s // 60:.0f} minutes: nobody consumes it."
            else:
                yield Verdict.OK, f"{said}."

    def _alarms(self) -> Iterator[tuple[Verdict, str]]:
        names = self._stack.of_kind("AWS::CloudWatch::Alarm")
        if not names:
            yield Verdict.WARNING, "There are none in the stack."
            return
        client = self._stack.client("cloudwatch")
        alarms: list[dict[str, Any]] = []
        for start in range(0, len(names), _ALARMS_MAX):
            chunk = list(names[start : start + _ALARMS_MAX])
            alarms += client.describe_alarms(AlarmNames=chunk, MaxRecords=_ALARMS_MAX)["MetricAlarms"]
        ringing = [each for each in alarms if each["StateValue"] == "ALARM"]
        for each in ringing:
            yield (
                Verdict.FAILURE,
                f"{each['AlarmName']} rings: {each.get('AlarmDescription', 'it has no description')}.",
            )
        if not any(each.get("AlarmActions") for each in alarms):
            yield Verdict.WARNING, f"{len(alarms)}, and none tells anybody: add an action to each of `alarms.alarms`."
        elif not ringing:
            yield Verdict.OK, f"{len(alarms)}, and none rings."

    def _queues(self) -> list[_Queue]:
        client = self._stack.client("sqs")
        found = []
        for url in self._stack.of_kind("AWS::SQS::Queue"):
            told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            redrive = json.loads(told.get("RedrivePolicy", "{}"))
            found.append(
                _Queue(
                    name=url.rpartition("/")[2],
                    arn=told["QueueArn"],
                    waiting=int(told.get("ApproximateNumberOfMessages", 0)),
                    in_flight=int(told.get("ApproximateNumberOfMessagesNotVisible", 0)),
                    delayed=int(told.get("ApproximateNumberOfMessagesDelayed", 0)),
                    dead_arn=redrive.get("deadLetterTargetArn"),
                )
            )
        return found

    def _oldest_s(self, queue: str) -> float:
        """Return the age of the oldest message; CloudWatch says nothing of an empty queue."""
        answer = self._stack.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": queue}],
            StartTime=self._now - _METRIC_WINDOW,
            EndTime=self._now,
            Period=_METRIC_PERIOD_S,
            Statistics=["Maximum"],
        )
        return max((float(each["Maximum"]) for each in answer["Datapoints"]), default=0.0)
