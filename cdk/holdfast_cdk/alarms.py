"""What somebody should look at: parked messages, queues and walks that stand still, functions that fail."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from holdfast_cdk.queues import Queues

# Where the functions' own metrics are; their dimension is the service that the construct names them by.
METRICS_NAMESPACE = "Holdfast"

# The age counts from sending: a watchdog is delayed by up to 15 minutes, and put back for as long again while the work
# it watches goes on. Older than that means that nobody consumes.
_AGE_SECONDS_MAX = 45 * 60
_FIVE_MINUTES = Duration.minutes(5)


class Alarms(Construct):
    """Alarms without actions; add yours to each of `alarms`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, queues: Queues, functions: Sequence[lambda_.Function]
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarms: list[cloudwatch.Alarm] = []
        self._parked("ParkedWakeups", queues.wakeups_dead, "an invocation's wake-ups fail again and again")
        self._parked("ParkedSends", queues.sends_dead, "a producer's messages are refused; each says why")
        self._old("OldWakeups", queues.wakeups)
        self._old("OldSends", queues.sends)
        behind = cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name="WalksBehind",
            dimensions_map={"service": "holdfast-sweeper"},
            statistic="Sum",
            period=_FIVE_MINUTES,
        )
        self._any("WalksBehind", behind, "the sweeper does not get through what has to be kept or deleted")
        for function in functions:
            self._of_function(function)

    def _of_function(self, function: lambda_.Function) -> None:
        name = function.node.scope.node.id if function.node.scope is not None else function.node.id
        self._any(f"{name}Throttles", function.metric_throttles(period=_FIVE_MINUTES), "its concurrency is used up")
        self._any(f"{name}Errors", function.metric_errors(period=_FIVE_MINUTES), "its log says why")
        dropped = function.metric("RecursiveInvocationsDropped", statistic="Sum", period=_FIVE_MINUTES)
        self._any(f"{name}Dropped", dropped, "Lambda took a chain of invocations for a loop: allow it on the function")

    def _parked(self, alarm_id: str, queue: sqs.Queue, meaning: str) -> None:
        metric = queue.metric_approximate_number_of_messages_visible(period=_FIVE_MINUTES, statistic="Maximum")
        self._any(alarm_id, metric, meaning)

    def _old(self, alarm_id: str, queue: sqs.Queue) -> None:
        metric = queue.metric_approximate_age_of_oldest_message(period=_FIVE_MINUTES, statistic="Maximum")
        self._alarm(alarm_id, metric, threshold=_AGE_SECONDS_MAX, meaning="messages are not consumed")

    def _any(self, alarm_id: str, metric: cloudwatch.Metric, meaning: str) -> None:
        self._alarm(alarm_id, metric, threshold=1, meaning=meaning)

    def _alarm(self, alarm_id: str, metric: cloudwatch.Metric, *, threshold: float, meaning: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            alarm_id,
            alarm_description=f"Holdfast: {meaning}",
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.alarms.append(alarm)
