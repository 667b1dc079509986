"""The clock of the sweeper."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from holdfast_cdk.nag import accept_wildcard

# A row goes onto the queue when it is due within 15 minutes, so two runs in a row may fail before a timer is late.
SWEEP_EVERY = Duration.minutes(5)


class SweepSchedule(Construct):
    """Runs the sweeper every few minutes."""

    def __init__(self, scope: Construct, construct_id: str, *, sweeper: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        accept_wildcard(role, f"{sweeper.function_arn}:*", "CDK's grant covers the versions of the one function, too.")
        target = targets.LambdaInvoke(
            sweeper,
            role=role,
            # The next run does the same work; trying again later than that would only pile up.
            max_event_age=SWEEP_EVERY,
            retry_attempts=2,
        )
        scheduler.Schedule(
            self,
            "Schedule",
            description="Holdfast: moves timers that fall due soon onto the queue",
            schedule=scheduler.ScheduleExpression.rate(SWEEP_EVERY),
            target=target,
        )
