"""The small ports of one process: a clock that goes wrong, dice of the seed, blobs on the disk, the SDK's own clock."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

# The SDK imports its parts when they are first needed; by then the clock must have been replaced in all of them.
import holdfast._discovery
import holdfast._driver
import holdfast._lambda_checkpoint  # noqa: F401 - as above
from holdfast_protocol import pages
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Site
from tests.simulation.world.loop import CURRENT, SimLoop
from tests.simulation.world.port import Port
from tests.simulation.world.process import Process

EPOCH_MS = 1_800_000_000_000


class SimClock:
    """Virtual time as one process sees it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def now_ms(self) -> int:
        process = self._process
        return EPOCH_MS + int(process.loop.now_s * 1000) + process.skew_ms


class SimDice:
    """Randomness that a seed repeats."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def entropy(self, size: int) -> bytes:
        return self._dice.randbytes(size)

    def jitter(self) -> float:
        return self._dice.random()


class SimBlobs(Port):
    """Large values on the disk."""

    def __init__(self, disk: Disk, **surroundings: Any) -> None:
        super().__init__(**surroundings)
        self._disk = disk

    async def put(self, invocation_id: str, name: str, content: bytes) -> None:
        def effect() -> None:
            self._disk.put("blob", invocation_id, name, item=content)

        await self._do(Site.WRITE, f"put blob {invocation_id} {name[:8]}", effect)

    async def get(self, invocation_id: str, name: str) -> bytes:
        content: bytes = await self._do(
            Site.READ, f"get blob {invocation_id} {name[:8]}", lambda: self._disk.get("blob", invocation_id, name)
        )
        assert content is not None, f"a page of {invocation_id} refers to a blob that was never stored"
        return content

    async def forget(self, invocation_id: str) -> None:
        """Keep them: no history lasts long enough for a retention to end."""


@contextmanager
def sdk_in_virtual_time(loop: SimLoop) -> Iterator[None]:
    """Let the SDK's modules read the clock of the process they run in."""

    def time() -> float:
        process = CURRENT.get()
        skew_ms = process.skew_ms if process is not None else 0
        return (EPOCH_MS + skew_ms) / 1000 + loop.now_s

    def monotonic() -> float:
        return loop.now_s

    replaced: list[tuple[Any, str, Any]] = []
    for name, module in list(sys.modules.items()):
        if not name.startswith("holdfast."):
            continue
        for attribute, fake in (("time", time), ("monotonic", monotonic)):
            real = getattr(module, attribute, None)
            if real is not None and getattr(real, "__module__", None) == "time":
                replaced.append((module, attribute, real))
                setattr(module, attribute, fake)
    try:
        yield
    finally:
        for module, attribute, real in replaced:
            setattr(module, attribute, real)


@contextmanager
def pages_of(bytes_max: int) -> Iterator[None]:
    """Let pages of journals be full sooner than on AWS, for the engine and for handlers alike."""
    with patch.object(pages, "PAGE_BYTES_MAX", bytes_max):
        yield
