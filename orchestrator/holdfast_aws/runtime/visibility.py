"""How long messages stay invisible while a process works on them.

SQS gives a message back when its visibility timeout is over, and Lambda wants that to be as long as the function's own
time: a quarter of an hour for somebody to notice a crash. So the process takes its messages for less than a minute at a
time, again and again, for as long as it lives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

_LOG = logging.getLogger("holdfast.aws")

# What SQS takes from the first receive on; a put-back beyond that comes early, and is put back again.
VISIBILITY_S_MAX = 12 * 3600
# Of the time that one beat covers, this many parts pass before the next: two may fail.
_BEATS = 3


class Visibilities(Protocol):
    """Changes how long received messages stay invisible."""

    async def change(self, receipts: Sequence[str], *, seconds: int) -> None:
        """Make messages visible again after some seconds from now; one that is gone is skipped."""
        ...


class Heartbeat:
    """Keeps messages invisible until they are put back or the event ends; a context manager around the event."""

    def __init__(self, queue: Visibilities, receipts: Sequence[str], *, seconds: int) -> None:
        self._queue = queue
        self._receipts = set(receipts)
        self._seconds = seconds
        self._beating: asyncio.Task[None] | None = None
        # A beat under way must not undo what a put-back has just set.
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Begin."""
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, with no request under way: a process that freezes would send it later."""
        assert self._beating is not None
        async with self._turn:
            self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)

    async def put_back(self, receipt: str, *, seconds: int) -> None:
        """Let a message come back in some seconds."""
        async with self._turn:
            self._receipts.discard(receipt)
            await self._queue.change([receipt], seconds=min(max(0, seconds), VISIBILITY_S_MAX))

    async def _beat(self) -> None:
        while True:
            async with self._turn:
                try:
                    await self._queue.change(sorted(self._receipts), seconds=self._seconds)
                except Exception:  # noqa: BLE001 - the next beat is soon; without any the message comes twice, harmlessly.
                    _LOG.warning("the visibility of messages could not be extended", exc_info=True)
            await asyncio.sleep(self._seconds / _BEATS)
