"""The bucket for values too large for a journal page."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from holdfast_cdk.nag import accept


class Blobs(Construct):
    """A private bucket; what it holds is named by its content and written once."""

    def __init__(
        self, scope: Construct, construct_id: str, *, removal_policy: RemovalPolicy, encryption_key: kms.IKey | None
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS if encryption_key is not None else s3.BucketEncryption.S3_MANAGED,
            encryption_key=encryption_key,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=removal_policy,
            # So that the walk through the bucket can delete what it has looked at, and nothing that came meanwhile.
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1)),
                # What was deleted, or replaced by the same bytes: no value that anybody can still ask for.
                s3.LifecycleRule(noncurrent_version_expiration=Duration.days(1), expired_object_delete_marker=True),
            ],
        )
        accept(
            self.bucket,
            "AwsSolutions-S1",
            "Only Holdfast's own functions may read or write it, and each access already leaves a line in their logs.",
        )
