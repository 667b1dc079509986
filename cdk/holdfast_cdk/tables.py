"""The four tables: journal, keys, timers, registry."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from holdfast_aws import listing_index

# The attributes of the models in holdfast_aws; short, because a name is billed with every item.
PARTITION = "p"
SORT = "s"
EXPIRES = "x"


class Tables(Construct):
    """On-demand tables that can be restored to any second of the last 35 days."""

    def __init__(
        self, scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy, encryption_key: kms.IKey | None
    ) -> None:
        super().__init__(scope, construct_id)
        self._removal_policy = removal_policy
        self._encryption_key = encryption_key
        self.journal = self._table("Journal", expires=True)
        # An installation that has none yet gets it with its next deployment: CloudFormation waits until it is there.
        self.journal.add_global_secondary_index(
            index_name=listing_index.NAME,
            partition_key=dynamodb.Attribute(name=listing_index.PARTITION, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=listing_index.SORT, type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        self.keys = self._table("Keys", expires=True)
        self.timers = self._table("Timers", expires=False)
        self.registry = self._table("Registry", expires=False)

    def _table(self, name: str, *, expires: bool) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            name,
            partition_key=dynamodb.Attribute(name=PARTITION, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=SORT, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRES if expires else None,
            # DynamoDB encrypts in any case; a key of one's own costs a request to KMS every few minutes and caller.
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED
            if self._encryption_key is not None
            else dynamodb.TableEncryption.DEFAULT,
            encryption_key=self._encryption_key,
            removal_policy=self._removal_policy,
            deletion_protection=self._removal_policy is not RemovalPolicy.DESTROY,
        )
