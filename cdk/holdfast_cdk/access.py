"""What each function may do: single actions on single tables, queues and the bucket."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs

from holdfast_aws import listing_index
from holdfast_cdk.blobs import Blobs
from holdfast_cdk.nag import accept_wildcard
from holdfast_cdk.queues import Queues
from holdfast_cdk.tables import Tables

_READ = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
_WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
# Items are deleted in batches, and in transactions that look at the head; nothing else is written so.
_CLEAR = ("dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem")


# What tables and buckets do with a key in the name of whoever uses them.
_USE_KEY = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def key_statement(key: kms.IKey) -> iam.PolicyStatement:
    """Return the permission that everybody needs who reads or writes what a key of one's own encrypts."""
    return iam.PolicyStatement(actions=list(_USE_KEY), resources=[key.key_arn])


class Access:
    """Grants by what a function does."""

    def __init__(self, *, tables: Tables, queues: Queues, blobs: Blobs, encryption_key: kms.IKey | None) -> None:
        self._tables = tables
        self._queues = queues
        self._blobs = blobs
        self._encryption_key = encryption_key

    def key(self, role: iam.Role) -> None:
        """Allow to use the key of tables and bucket, where they have one of their own."""
        if self._encryption_key is not None:
            role.add_to_policy(key_statement(self._encryption_key))

    def engine(self, role: iam.Role) -> None:
        """Allow to submit, run, signal and end invocations."""
        self._allow(role, self._tables.journal, *_READ, *_WRITE, *_CLEAR)
        self._allow(role, self._tables.keys, *_READ, *_WRITE, *_CLEAR)
        # A timer is put by whoever arms it and taken away by the sweeper.
        self._allow(role, self._tables.timers, "dynamodb:PutItem")
        self.registry(role)
        self.wake(role)
        self._blob_access(role)

    def registry(self, role: iam.Role) -> None:
        """Allow to read what is registered."""
        self._allow(role, self._tables.registry, *_READ)

    def register(self, role: iam.Role) -> None:
        """Allow to register and to forget deployments, and to write down the names of their services."""
        self._allow(role, self._tables.registry, *_WRITE)
        self._allow(role, self._tables.keys, "dynamodb:Query", "dynamodb:PutItem")

    def look(self, role: iam.Role) -> None:
        """Allow to list invocations, and keys that have a queue."""
        index = f"{self._tables.journal.table_arn}/index/{listing_index.NAME}"
        role.add_to_policy(iam.PolicyStatement(actions=["dynamodb:Query"], resources=[index]))
        self._allow(role, self._tables.keys, "dynamodb:Scan")

    def read(self, role: iam.Role) -> None:
        """Allow to read invocations, keys and values for queries.

        Whoever reads the journal of an invocation that is old and has not ended sees to it that nothing of it expires,
        and who lists notes the names of services: that is all the writing.
        """
        self._allow(role, self._tables.journal, *_READ, "dynamodb:UpdateItem", "dynamodb:PutItem", _CLEAR[1])
        self._allow(role, self._tables.keys, *_READ, "dynamodb:PutItem")
        self.registry(role)
        bucket = self._blobs.bucket
        objects = bucket.arn_for_objects("*")
        role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[objects]))
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]))
        accept_wildcard(role, objects, "The objects of the one bucket that holds this installation's large values.")

    def ask(self, role: iam.Role, function: lambda_.Function) -> None:
        """Allow to call one of our own functions."""
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]))

    def scan(self, role: iam.Role) -> None:
        """Allow to look through all invocations."""
        self._allow(role, self._tables.journal, "dynamodb:Scan")

    def sweep(self, role: iam.Role) -> None:
        """Allow to move timers onto the queue."""
        rows = ("dynamodb:Query", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem")
        # And the mark that says how far the last sweep came.
        self._allow(role, self._tables.timers, *rows, "dynamodb:GetItem", "dynamodb:PutItem")
        self.wake(role)

    def walk(self, role: iam.Role) -> None:
        """Allow to look through journals and values: to keep what has not ended, and to delete what is gone."""
        actions = ("dynamodb:Scan", *_READ, "dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:ConditionCheckItem")
        self._allow(role, self._tables.journal, *actions)
        # Which values the state of a key consists of.
        self._allow(role, self._tables.keys, "dynamodb:GetItem")
        bucket = self._blobs.bucket
        objects = bucket.arn_for_objects("*")
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucketVersions"], resources=[bucket.bucket_arn]))
        role.add_to_policy(iam.PolicyStatement(actions=["s3:DeleteObjectVersion"], resources=[objects]))
        accept_wildcard(role, objects, "The objects of the one bucket that holds this installation's large values.")

    def sign(self, role: iam.Role, secret: secretsmanager.ISecret) -> None:
        """Allow to read the private key that requests are signed with."""
        # A secret that was looked up by its name alone ends in six characters that only AWS knows.
        arn = secret.secret_full_arn or f"{secret.secret_arn}-??????"
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[arn]))
        if secret.encryption_key is not None:
            secret.encryption_key.grant_decrypt(role)

    def wake(self, role: iam.Role) -> None:
        """Allow to send wake-ups."""
        self._queues.wakeups.grant(role, "sqs:SendMessage")

    def park(self, role: iam.Role, dead: sqs.Queue) -> None:
        """Allow to park a message with its reason."""
        dead.grant(role, "sqs:SendMessage")

    def put_back(self, role: iam.Role, queue: sqs.Queue) -> None:
        """Allow to say when a message comes back."""
        queue.grant(role, "sqs:ChangeMessageVisibility")

    def _blob_access(self, role: iam.Role) -> None:
        bucket = self._blobs.bucket
        objects = bucket.arn_for_objects("*")
        role.add_to_policy(
            iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources=[objects])
        )
        # Without it S3 answers 403 instead of 404 for what is not there.
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]))
        accept_wildcard(role, objects, "The objects of the one bucket that holds this installation's large values.")

    def _allow(self, role: iam.Role, table: dynamodb.Table, *actions: str) -> None:
        # Not `table.grant`: that gives away the indexes of a table together with it.
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[table.table_arn]))
