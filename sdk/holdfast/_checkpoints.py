"""Checkpoints: when an attempt makes durable what it has done, while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast._machine import Machine
from holdfast.errors import AttemptFailed, Superseded
from holdfast_protocol.attempt import Checkpoint

# Long enough for results that come together to share one write, short enough that little is lost by a crash.
FLUSH_AFTER_S: Final = 0.003


class Checkpoints:
    """Sends an attempt's tail to the journal: before every closure, and soon after a result that nothing follows.

    The rule that makes a step count once it has executed is `before_closures`: no closure starts while the result of
    another one is known to this process alone. Appends never overlap, and none is under way after `close`: a process
    that is frozen between two requests would send it much later.
    """

    __slots__ = (
        "_background",
        "_checkpoint",
        "_has_passed_barrier",
        "_is_closed",
        "_lock",
        "_machine",
        "_on_stop",
        "_timer",
        "error",
        "is_stopped",
    )

    def __init__(self, machine: Machine, checkpoint: Checkpoint, on_stop: Callable[[], None]) -> None:
        self._machine = machine
        self._checkpoint = checkpoint
        self._on_stop = on_stop
        self._lock = asyncio.Lock()
        self._has_passed_barrier = False
        self.is_stopped = False
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._background: asyncio.Task[None] | None = None
        self.error: Exception | None = None

    async def before_closures(self) -> None:
        """Make every result durable, let every call and message go, and see that nothing the attempt was given is lost.

        Raises:
            AttemptEnded: a newer attempt has taken over or shall take over, or the checkpoint failed.
        """
        if not self._has_passed_barrier:
            self._has_passed_barrier = True
            await self._attend(self._checkpoint.barrier())
        tail = self._machine.tail
        while tail.has_results or tail.has_effects or self._lock.locked():
            await self.flush()
        if (completion_id := self._checkpoint.handover()) is not None:
            self._machine.suspend_on(completion_id)
        self._machine.ending.check()

    def result_added(self) -> None:
        """See that a result becomes durable soon, even if nothing follows it."""
        if self._timer is None and self._background is None and not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self._flush_soon)

    async def close(self) -> None:
        """Wait until no append is under way, and start none in the background any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._background is not None:
            await asyncio.wait([self._background])

    async def flush(self) -> None:
        """Append the tail, unless the attempt has been stopped."""
        async with self._lock:
            frames = self._machine.tail.take_in_journal_form()
            if frames and not self.is_stopped:
                await self._attend(self._checkpoint.append(frames))

    async def _attend(self, write: Awaitable[bool]) -> None:
        """Wait for a write; end the attempt if it is refused or fails."""
        try:
            is_durable = await write
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again to who gave us the checkpoint
            self.error = error
            self._machine.stop(AttemptFailed(f"The checkpoint failed: {error!r}"))
        else:
            if is_durable:
                return
            self._machine.stop(Superseded())
        self.is_stopped = True
        self._on_stop()

    def _flush_soon(self) -> None:
        self._timer = None
        if self._machine.tail.has_results:
            self._background = asyncio.get_running_loop().create_task(self._flush_in_background())

    async def _flush_in_background(self) -> None:
        try:
            await self.flush()
        finally:
            self._background = None
            if self._machine.tail.has_results:
                self.result_added()
