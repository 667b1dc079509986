"""The walk through the bucket: large values go some time after the invocation that they belonged to.

The bucket keeps versions, and a version is deleted by its own name, only when it is old: so a value that is put again
at this very moment, for a new invocation under the same id, is another version, which the walk has not listed. In
between, somebody who looks for the invocation finds either its head, and then nothing of it is deleted, or none: it has
expired, or it was never created, by whoever put the value first and died.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast_aws.s3_blobs import S3Blobs, Version
from holdfast_engine.ports import Clock
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_invocation_id

# From a value to its invocation's head it is seconds; a request that was told nothing may be tried again for minutes.
AGE_MS_MIN = 24 * 3_600_000
# So many heads are looked for at a time.
_LOOKS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobWalk:
    """Deletes the values of invocations that are gone; `exists` tells whether an id has a head."""

    blobs: S3Blobs
    exists: Callable[[str], Awaitable[bool]]
    clock: Clock

    async def stretch(self, place: str | None) -> str | None:
        """Look through some of the bucket behind a place; return where that ends, None at the end of the bucket.

        Raises:
            Unavailable: S3 or DynamoDB did not answer.
        """
        listed, behind = await self.blobs.versions(json.loads(place) if place is not None else {})
        before_ms = self.clock.now_ms() - AGE_MS_MIN
        old_by_owner: dict[str, list[Version]] = defaultdict(list)
        for version in listed:
            if version.written_ms < before_ms and _is_invocation(version.owner):
                old_by_owner[version.owner].append(version)
        room = asyncio.Semaphore(_LOOKS_MAX)

        async def is_gone(owner: str) -> bool:
            async with room:
                return not await self.exists(owner)

        owners = list(old_by_owner)
        gone = await asyncio.gather(*[is_gone(owner) for owner in owners])
        doomed = [
            each for owner, is_doomed in zip(owners, gone, strict=True) if is_doomed for each in old_by_owner[owner]
        ]
        if doomed:
            await self.blobs.delete_versions(doomed)
        return json.dumps(behind) if behind else None


def _is_invocation(owner: str) -> bool:
    """Return whether the owner of a blob is an invocation; others see to their blobs by themselves."""
    try:
        decode_invocation_id(owner)
    except DecodeError:
        return False
    return True
