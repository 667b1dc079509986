"""The index that lists are made from: by service and time, one small entry per invocation, written once.

Its key is a text that a head is born with and the time of its creation, and it holds nothing beside keys: so creating
an invocation costs one write unit more, and no later write of it any. What moves is read from the heads of a page.

A partition of DynamoDB takes 1,000 write units a second, and a secondary index that is written to faster than that
holds up its table. So the invocations of a service are spread over `SHARDS` partitions, by their ids.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

NAME: Final = "listing"
PARTITION: Final = "N"
# When the invocation was created, which every head says anyhow.
SORT: Final = "c"

# Eight thousand invocations of one service may begin each second: an account's tables take 40,000 units unless AWS is
# asked for more, and the least of invocations costs four. A list reads half a unit of each at least.
SHARDS: Final = 8


def partition_of(service: str, invocation_id: str) -> str:
    """Return the partition that an invocation is listed in."""
    return f"{service}{crc32(invocation_id.encode()) % SHARDS}"


def partitions_of(service: str) -> list[str]:
    """Return the partitions of a service; no other service has one of them: the last character is the shard."""
    return [f"{service}{shard}" for shard in range(SHARDS)]
