"""Handlers that append to their own journal: the SDK's checkpoint for functions over the simulated table.

The checkpoint is the real one. What it appends with is simulated: the conditional update, what the handler's own client
makes of lost answers, and the thread that the update blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from holdfast._dynamo import Undecided
from holdfast._lambda_checkpoint import LambdaCheckpoint
from holdfast_engine import operations
from holdfast_engine.errors import Unavailable
from holdfast_engine.pages import slot_behind
from holdfast_engine.ports import Grant
from holdfast_engine.records import Head, Page, Slot
from holdfast_protocol import grants
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Site
from tests.simulation.world.journals import holds
from tests.simulation.world.port import Port, Throttled

T = TypeVar("T")


class SimWriter:
    """Where one attempt appends."""

    def __init__(self, disk: Disk, invocation_id: str, grant: Grant) -> None:
        self._disk = disk
        self._invocation_id = invocation_id
        self._epoch = grant.epoch
        self._first_epoch = grant.first_epoch
        self.slot = grant.slot
        self.slot_behind = grant.slot
        self.is_certain = True

    @property
    def reached(self) -> grants.Reached:
        """How far the attempt got by itself."""
        slot = self.slot
        place = grants.Slot(page=slot.page, count=slot.count, base=slot.base, frames_bytes=slot.frames_bytes)
        return grants.Reached(slot=place, is_certain=self.is_certain)

    def append(self, frames: Sequence[bytes], taken: Sequence[str], *, budget_s: float) -> bool:
        """Append entries; False when the attempt is fenced."""
        before, is_written = self._write(tuple(frames), tuple(taken))
        self.slot_behind = slot_behind(self.slot, tuple(frames), tuple(taken))
        return is_written or holds(before, self.slot, self._epoch, tuple(frames))

    def _write(self, frames: tuple[bytes, ...], taken: tuple[str, ...]) -> tuple[Page | None, bool]:
        slot, epoch, disk = self.slot, self._epoch, self._disk
        if slot.page == 0:
            head: Head = disk.get("head", self._invocation_id)
            after = operations.append_to_head(head, slot=slot, epoch=epoch, frames=frames, taken=taken)
            if after is not None:
                disk.put("head", self._invocation_id, item=after)
            return head.page, after is not None
        page: Page | None = disk.get("page", self._invocation_id, slot.page)
        if page is not None and page.epoch < self._first_epoch - 1:
            # Begun by somebody who is left over from whoever had this id before.
            page = None
        extended = operations.append_to_page(page, slot=slot, epoch=epoch, frames=frames, taken=taken)
        if extended is not None:
            disk.put("page", self._invocation_id, slot.page, item=extended)
        return page, extended is not None


class SimThread(Port):
    """The thread that a handler's appends block: each of them takes time and may fail."""

    def __init__(self, writer: SimWriter, invocation_id: str, **surroundings: Any) -> None:
        super().__init__(**surroundings)
        self._writer = writer
        self._invocation_id = invocation_id

    async def carry_out(self, call: Callable[[], T]) -> T:
        """Make one call.

        Raises:
            Undecided: The handler's client has given up.
        """
        slot = self._writer.slot
        what = f"{self._invocation_id} appends by itself at page {slot.page}.{slot.count}"
        try:
            is_in = await self._do(Site.WRITE, what, call)
        except Unavailable as error:
            self._writer.is_certain = isinstance(error, Throttled)
            raise Undecided(str(error), is_certain=self._writer.is_certain) from error
        if is_in:
            self._writer.slot = self._writer.slot_behind
        return is_in


def checkpoint_of(
    writer: SimWriter, thread: SimThread, *, sent: Sequence[bytes], grant: Grant, remaining_ms: Callable[[], int]
) -> LambdaCheckpoint:
    """Return the SDK's checkpoint for one attempt."""
    parts: dict[str, Any] = {"writer": writer, "thread": thread}
    return LambdaCheckpoint(**parts, sent=sent, durable=grant.durable, taken=grant.taken, remaining_ms=remaining_ms)


def reached_slot(reached: grants.Reached) -> Slot:
    """Return how far an attempt got as the engine writes it."""
    slot = reached.slot
    return Slot(page=slot.page, count=slot.count, base=slot.base, frames_bytes=slot.frames_bytes)
