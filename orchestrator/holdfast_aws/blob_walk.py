"""The walk through the bucket: large values go some time after nobody can ask for them any more.

Those of a journal go with their invocation. Those of a key's state go when the key's lock does not point to them: a
process died between putting them and writing the lock, or between that and deleting what was there before. A lock is
written seconds after the values that it points to, by a process that cannot live for a quarter of an hour, so that it
will never point to one that is a day old and that it does not point to now.

The bucket keeps versions, and a version is deleted by its own name, only when it is old: so a value that is put again
at this very moment, for a new invocation under the same id, is another version, which the walk has not listed. In
between, somebody who looks for the invocation finds either its head, and then nothing of it is deleted, or none: it has
expired, or it was never created, by whoever put the value first and died.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from holdfast_aws.s3_blobs import S3Blobs, Version
from holdfast_aws.values import partition_of_owner
from holdfast_engine.ports import Clock
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.ids import decode_invocation_id

# From a value to its invocation's head it is seconds; a request that was told nothing may be tried again for minutes.
AGE_MS_MIN = 24 * 3_600_000
# So many heads are looked for at a time.
_LOOKS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobWalk:
    """Deletes values that nobody can ask for.

    `exists` tells whether an id has a head, `state_blobs` which blobs the lock of a partition points to.
    """

    blobs: S3Blobs
    exists: Callable[[str], Awaitable[bool]]
    state_blobs: Callable[[str], Awaitable[Collection[str]]]
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
            if version.written_ms < before_ms:
                old_by_owner[version.owner].append(version)
        room = asyncio.Semaphore(_LOOKS_MAX)

        async def doomed_of(owner: str, versions: list[Version]) -> list[Version]:
            async with room:
                return await self._doomed(owner, versions)

        found = await asyncio.gather(*[doomed_of(*each) for each in old_by_owner.items()])
        if doomed := [version for versions in found for version in versions]:
            await self.blobs.delete_versions(doomed)
        return json.dumps(behind) if behind else None

    async def _doomed(self, owner: str, versions: list[Version]) -> list[Version]:
        if _is_invocation(owner):
            return [] if await self.exists(owner) else versions
        partition = partition_of_owner(owner)
        if partition is None:
            return []
        kept = await self.state_blobs(partition)
        return [version for version in versions if version.name not in kept]


def _is_invocation(owner: str) -> bool:
    """Return whether the owner of a blob is an invocation."""
    try:
        decode_invocation_id(owner)
    except DecodeError:
        return False
    return True
