"""Which walks an installation takes, and how often."""

from __future__ import annotations

from holdfast_aws.blob_walk import BlobWalk
from holdfast_aws.lifetimes import DAY_MS
from holdfast_aws.s3_blobs import S3Blobs
from holdfast_aws.store import DynamoStore
from holdfast_aws.walks import Walk
from holdfast_engine.ports import Clock

# An invocation is old after 25 hours and safe for six days: two walks pass by in between, whenever it began.
JOURNALS_EVERY_MS = 2 * DAY_MS
BLOBS_EVERY_MS = DAY_MS


def upkeep_walks(store: DynamoStore, blobs: S3Blobs, *, timers_table: str, clock: Clock) -> tuple[Walk, ...]:
    """Return the walk through the journals, and that through the bucket."""

    async def exists(invocation_id: str) -> bool:
        return await store.head(invocation_id) is not None

    journals = Walk(
        store.dynamo,
        timers_table,
        name="journals",
        clock=clock,
        every_ms=JOURNALS_EVERY_MS,
        stretch=store.keep_stretch,
    )
    blob_walk = BlobWalk(blobs=blobs, exists=exists, state_blobs=store.state_blobs, clock=clock)
    bucket = Walk(
        store.dynamo, timers_table, name="bucket", clock=clock, every_ms=BLOBS_EVERY_MS, stretch=blob_walk.stretch
    )
    return journals, bucket
