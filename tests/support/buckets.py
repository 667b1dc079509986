"""Buckets of moto's S3."""

from __future__ import annotations

from typing import Any


def make_empty(client: Any, bucket: str) -> None:
    """Make a bucket, or empty the one that is there: moto forgets nothing while an outer mock goes on."""
    client.create_bucket(Bucket=bucket)
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for kind in ("Versions", "DeleteMarkers"):
            for each in page.get(kind, ()):
                client.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
