"""Which queue feeds which function."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# SQS hands out ten messages at most unless it waits to collect more, and a wake-up must not wait.
BATCH = 10


class Consumer(Construct):
    """An event source mapping that lets the function answer for each message by itself."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queue: sqs.Queue,
        function: lambda_.Function,
        max_concurrency: int | None,
    ) -> None:
        super().__init__(scope, construct_id)
        # Receive, delete and the queue's attributes are what the mapping itself does in the function's name.
        queue.grant(function, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=function,
            event_source_arn=queue.queue_arn,
            batch_size=BATCH,
            report_batch_item_failures=True,
            max_concurrency=max_concurrency,
        )
        # The mapping is refused until the role may read the queue.
        policy = function.role.node.try_find_child("DefaultPolicy") if function.role is not None else None
        if policy is not None:
            mapping.node.add_dependency(policy)
