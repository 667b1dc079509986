"""What lets a handler function write to the journals of its own services and to no others."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from holdfast_engine.ids import service_prefix
from holdfast_protocol.ids import INVOCATION_ID_BYTES, encode_invocation_id

# `inv_1` and the 64 bits that are derived from the service.
_LEADING_CHARACTERS = 16


def leading_key(service: str) -> str:
    """Return the pattern that the ids of all invocations of a service match, and of no other service's."""
    prefix = service_prefix(service)
    return encode_invocation_id(prefix.ljust(INVOCATION_ID_BYTES, b"\0"))[:_LEADING_CHARACTERS] + "*"


def journal_statement(journal: dynamodb.ITable, services: Sequence[str]) -> iam.PolicyStatement:
    """Return the permission to append to, and look at, the journals of some services."""
    return iam.PolicyStatement(
        actions=["dynamodb:GetItem", "dynamodb:UpdateItem"],
        resources=[journal.table_arn],
        conditions={
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [leading_key(service) for service in services]},
            # ForAllValues holds for a request without keys, too; there is no such request among these actions today.
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    )
