"""A stack with nothing in it but Holdfast, and its addresses as outputs."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from holdfast_cdk.code import Bundler
from holdfast_cdk.holdfast import Holdfast, HoldfastOptions


class HoldfastStack(Stack):
    """The orchestrator as a stack of its own, which services in other stacks may use."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        options: HoldfastOptions | None = None,
        bundler: Bundler | None = None,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        self.holdfast = Holdfast(self, "Holdfast", options=options, bundler=bundler)
        CfnOutput(self, "IngressUrl", value=self.holdfast.ingress_door.url)
        CfnOutput(self, "AdminUrl", value=self.holdfast.admin_door.url)
        CfnOutput(self, "SendsQueueUrl", value=self.holdfast.queues.sends.queue_url)
        CfnOutput(self, "SendsDeadQueueUrl", value=self.holdfast.queues.sends_dead.queue_url)
        CfnOutput(self, "WakeupsQueueUrl", value=self.holdfast.queues.wakeups.queue_url)
        CfnOutput(self, "WakeupsDeadQueueUrl", value=self.holdfast.queues.wakeups_dead.queue_url)
        CfnOutput(self, "SweeperName", value=self.holdfast.sweeper.function.function_name)
        CfnOutput(self, "TimersTable", value=self.holdfast.tables.timers.table_name)
