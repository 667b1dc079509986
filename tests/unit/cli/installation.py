"""An installation on AWS as the doctor's requests see it: all is well until a test says otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.canned_aws import REGION, CannedAws

ROLES = ("ingress", "dispatcher", "sends", "sweeper", "admin", "registrar")
QUEUES = {"Wakeups": "WakeupsDead", "Sends": "SendsDead"}
_TABLES = {f"HOLDFAST_{name}_TABLE": name.lower() for name in ("JOURNAL", "KEYS", "TIMERS", "REGISTRY")}


class Installation:
    """The answers of AWS; a test changes what it is about."""

    def __init__(self, *, admin_url: str, ingress_url: str, version: str, now_ms: int) -> None:
        self.admin_url = admin_url
        self.ingress_url = ingress_url
        self.stack_status = "UPDATE_COMPLETE"
        self.descriptions = {f"Function-{role}": f"Holdfast: {role}" for role in ROLES} | {"Custom": "somebody else's"}
        self.versions = dict.fromkeys(self.descriptions, version)
        self.states = dict.fromkeys(self.descriptions, "Active")
        self.recursion = dict.fromkeys(self.descriptions, "Allow")
        self.mapping_state = "Enabled"
        self.table_status = "ACTIVE"
        self.swept_ms: int | None = now_ms
        self.messages = dict.fromkeys((*QUEUES, *QUEUES.values()), 0)
        self.oldest_s: float | None = None
        self.alarm = {"AlarmName": "Old", "StateValue": "OK", "AlarmDescription": "slow", "AlarmActions": ["arn:sns"]}
        self.aws = CannedAws(
            {
                "DescribeStacks": self._stacks,
                "ListStackResources": lambda _: {"StackResourceSummaries": self._resources()},
                "GetFunctionConfiguration": self._configuration,
                "GetFunctionUrlConfig": lambda _: self._function_url(),
                "GetFunctionRecursionConfig": lambda asked: {"RecursiveLoop": self.recursion[asked["FunctionName"]]},
                "ListEventSourceMappings": lambda _: {"EventSourceMappings": [{"State": self.mapping_state}]},
                "DescribeTable": lambda _: {"Table": {"TableStatus": self.table_status}},
                "GetItem": lambda _: {} if self.swept_ms is None else {"Item": {"n": {"N": str(self.swept_ms)}}},
                "HeadBucket": lambda _: {},
                "GetQueueAttributes": self._queue,
                "GetMetricStatistics": lambda _: {"Datapoints": self._points()},
                "DescribeAlarms": lambda _: {"MetricAlarms": [self.alarm]},
            }
        )

    def _stacks(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        stack = {"StackName": asked["StackName"], "StackStatus": self.stack_status, "CreationTime": 0}
        return {"Stacks": [{**stack, "CreationTime": "2026-01-01T00:00:00Z"}]}

    def _resources(self) -> list[dict[str, Any]]:
        functions = [("AWS::Lambda::Function", name) for name in self.descriptions]
        queues = [("AWS::SQS::Queue", f"https://sqs/{name}") for name in self.messages]
        return [
            {
                "ResourceType": kind,
                "LogicalResourceId": f"Logical{number}",
                "PhysicalResourceId": name,
                "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for number, (kind, name) in enumerate([*functions, *queues, ("AWS::CloudWatch::Alarm", "Old")])
        ]

    def _configuration(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["FunctionName"]
        told = {**_TABLES, "HOLDFAST_BLOBS_BUCKET": "blobs", "HOLDFAST_VERSION": self.versions[name]}
        told |= {"HOLDFAST_INGRESS_URL": self.ingress_url, "HOLDFAST_WAKEUPS_QUEUE_URL": "https://sqs/Wakeups"}
        return {
            "FunctionName": name,
            "Description": self.descriptions[name],
            "State": self.states[name],
            "StateReason": "it is broken",
            "LastUpdateStatus": "Successful",
            "Environment": {"Variables": told},
        }

    def _function_url(self) -> dict[str, Any]:
        times = {"CreationTime": "2026-01-01", "LastModifiedTime": "2026-01-01"}
        arn = f"arn:aws:lambda:{REGION}:123456789012:function:admin"
        # The service's model wants 40 characters, and slashes at the end count for nothing.
        return {"FunctionUrl": f"{self.admin_url:/<40}", "FunctionArn": arn, "AuthType": "AWS_IAM", **times}

    def _queue(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["QueueUrl"].rpartition("/")[2]
        attributes = {"QueueArn": f"arn:{name}", "ApproximateNumberOfMessages": str(self.messages[name])}
        if name in QUEUES:
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": f"arn:{QUEUES[name]}"})
        return {"Attributes": attributes}

    def _points(self) -> list[dict[str, Any]]:
        return [] if self.oldest_s is None else [{"Maximum": self.oldest_s}]
