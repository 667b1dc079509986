"""Frames too large for a page: the page holds a reference, the blob store the bytes; the wire never sees it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from holdfast_engine.journal import type_of
from holdfast_engine.world import World
from holdfast_protocol.frames import HEADER_BYTES, encode_frame, frame_body

# In the protocol's range for private types, so that a reference can never be taken for an entry.
REFERENCE_TYPE = 0xFC01
# A header, and a SHA-256 in hexadecimal digits.
_REFERENCE_BYTES = HEADER_BYTES + 64


def stored_bytes(world: World, frames: Iterable[bytes]) -> int:
    """Return what frames weigh in an item, large ones being replaced."""
    least = world.settings.blob_bytes_min
    return sum([1 + (len(frame) if len(frame) < least else _REFERENCE_BYTES) for frame in frames])


async def spilled(world: World, invocation_id: str, frames: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the frames with large ones replaced by references, their bytes stored first."""
    return tuple([await _spill(world, invocation_id, frame) for frame in frames])


async def restored(world: World, invocation_id: str, frames: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the frames as they travelled."""
    return tuple([await _restore(world, invocation_id, frame) for frame in frames])


async def _spill(world: World, invocation_id: str, frame: bytes) -> bytes:
    if len(frame) < world.settings.blob_bytes_min:
        return frame
    # Named by content: a repeated write is the same write.
    name = sha256(frame).hexdigest()
    await world.blobs.put(invocation_id, name, frame)
    return encode_frame(REFERENCE_TYPE, name.encode())


async def _restore(world: World, invocation_id: str, frame: bytes) -> bytes:
    if type_of(frame) != REFERENCE_TYPE:
        return frame
    return await world.blobs.get(invocation_id, frame_body(frame).decode())
