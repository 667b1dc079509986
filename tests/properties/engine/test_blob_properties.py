"""Frames that spill into blobs come back as they were."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine.blobs import REFERENCE_TYPE, restored, spilled
from holdfast_engine.journal import type_of
from tests.support import wire_frames as f
from tests.support.engine_world import MemoryBlobs

LIMIT = 200
frames = st.lists(st.builds(lambda number, size: f.run(number, "x" * size), st.integers(1, 9), st.integers(0, 400)))


def world() -> Any:
    return SimpleNamespace(blobs=MemoryBlobs(), settings=SimpleNamespace(blob_bytes_min=LIMIT))


@given(frames)
def test_spilled_frames_are_restored(entries: list[bytes]) -> None:
    """What is stored is small, what is read is what was written, and only large frames cost a blob."""

    async def play() -> None:
        around = world()
        stored = await spilled(around, "inv_a", entries)
        assert await restored(around, "inv_a", stored) == tuple(entries)
        assert all(len(frame) < LIMIT for frame in stored)
        for entry, frame in zip(entries, stored, strict=True):
            assert (type_of(frame) == REFERENCE_TYPE) == (len(entry) >= LIMIT)
        assert len(around.blobs.blobs) == len({entry for entry in entries if len(entry) >= LIMIT})

    asyncio.run(play())


@given(frames)
def test_spilling_again_changes_nothing(entries: list[bytes]) -> None:
    """A write that is repeated refers to the same blobs."""

    async def play() -> None:
        around = world()
        stored = await spilled(around, "inv_a", entries)
        blobs = dict(around.blobs.blobs)
        assert await spilled(around, "inv_a", entries) == stored
        assert around.blobs.blobs == blobs
        assert await spilled(around, "inv_a", stored) == stored

    asyncio.run(play())
