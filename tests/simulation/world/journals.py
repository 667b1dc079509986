"""The part of the simulated store that journals need: heads, pages and notes, as items of the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from holdfast_engine import operations
from holdfast_engine.pages import slot_behind
from holdfast_engine.ports import FENCED, Acquired, Change, Fenced, Loaded
from holdfast_engine.records import Failure, Head, Kept, Note, Page, Sink, Slot, Status
from tests.simulation.world.disk import Disk
from tests.simulation.world.faults import Site
from tests.simulation.world.keys import SimKeys

_READ, _WRITE = Site.READ, Site.WRITE
_GAPS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A note as it is stored: with the time on the clock of who wrote it."""

    at_ms: int
    note: Note


class SimJournals(SimKeys):
    """The journals of one process's store."""

    def __init__(self, disk: Disk, now_ms: Callable[[], int], **surroundings: Any) -> None:
        super().__init__(**surroundings)
        self._disk = disk
        self._now_ms = now_ms

    async def create(self, head: Head) -> Head | None:
        def effect() -> Head | None:
            existing: Head | None = self._disk.get("head", head.id)
            if existing is None:
                self._put_head(head)
            # Met again by its own nonce, it is this very request's earlier try.
            return None if existing is None or existing.nonce == head.nonce else existing

        return await self._do(_WRITE, f"create {head.id} {head.status} e{head.epoch}", effect)

    async def head(self, invocation_id: str) -> Head | None:
        return await self._do(_READ, f"head {invocation_id}", lambda: self._disk.get("head", invocation_id))

    async def load(self, invocation_id: str, *, epoch: int | None) -> Loaded | Fenced | None:
        for _ in range(_GAPS_MAX):
            loaded = await self._query(invocation_id)
            if loaded is None:
                return None
            if not _chains(loaded):
                continue
            if epoch is not None:
                if is_fenced(loaded, epoch):
                    return FENCED
                self._disk.tell_loaded(invocation_id, epoch)
            return loaded
        raise AssertionError(f"the pages of {invocation_id} never chain")

    async def _query(self, invocation_id: str) -> Loaded | None:
        """Read the partition in the order of its sort keys, each item at its own moment."""
        head: Head | None = await self._do(
            _READ, f"query {invocation_id}", lambda: self._disk.get("head", invocation_id)
        )
        if head is None:
            return None
        notes = await self.notes(invocation_id)
        pages: list[Page] = []
        if head.kept is not Kept.JOURNAL:
            # What is left of its pages, or was begun since by somebody who stood still, is no journal any more.
            return Loaded(head=head, pages=(), notes=notes)
        while (page := await self._page(invocation_id, len(pages) + 1)) is not None and head.owns(page):
            pages.append(page)
        return Loaded(head=head, pages=tuple(pages), notes=notes)

    async def _page(self, invocation_id: str, number: int) -> Page | None:
        if not self._disk.under("page", invocation_id):
            # Most have none, and then there is nothing to be read at another moment.
            return None
        what = f"page {invocation_id} {number}"
        return await self._do(Site.PAGE, what, lambda: self._disk.get("page", invocation_id, number))

    async def notes(self, invocation_id: str) -> tuple[Note, ...]:
        def effect() -> tuple[Note, ...]:
            arrived = sorted(self._disk.under("note", invocation_id).values(), key=lambda each: each.at_ms)
            return tuple(each.note for each in arrived)

        return await self._do(_READ, f"notes {invocation_id}", effect)

    async def acquire(self, invocation_id: str, *, epoch: int, status: Status, **change: Any) -> Acquired | None:
        def effect() -> Acquired | None:
            head = self._existing(invocation_id)
            after = operations.acquire(head, epoch=epoch, status=status, **change)
            if after is None:
                return None
            self._put_head(after)
            return Acquired(head=after, was_open=head.is_open)

        return await self._do(_WRITE, f"acquire {invocation_id} e{epoch + 1} from {status}", effect)

    async def renew(self, invocation_id: str, *, epoch: int, lease_until_ms: int) -> bool:
        def effect() -> bool:
            head = self._existing(invocation_id)
            return self._update(operations.renew(head, epoch=epoch, lease_until_ms=lease_until_ms)) is not None

        return await self._do(_WRITE, f"renew {invocation_id} e{epoch}", effect)

    async def claim_slot(self, invocation_id: str, *, page: int, base: int, epoch: int) -> Page | None:
        def effect() -> Page | None:
            after = operations.claim_slot(self._page_for(epoch, invocation_id, page), base=base, epoch=epoch)
            if after is not None:
                self._disk.put("page", invocation_id, page, item=after)
            return after

        return await self._do(_WRITE, f"claim slot {invocation_id} page {page} e{epoch}", effect)

    async def append(
        self, invocation_id: str, *, slot: Slot, epoch: int, frames: tuple[bytes, ...], taken: tuple[str, ...]
    ) -> Slot | Fenced:
        def effect() -> Slot | Fenced:
            if slot.page == 0:
                head = self._existing(invocation_id)
                held: Page | None = head.page
                after = operations.append_to_head(head, slot=slot, epoch=epoch, frames=frames, taken=taken)
                is_written = self._update(after) is not None
            else:
                held = self._page_for(epoch, invocation_id, slot.page)
                page = operations.append_to_page(held, slot=slot, epoch=epoch, frames=frames, taken=taken)
                is_written = page is not None
                if page is not None:
                    self._disk.put("page", invocation_id, slot.page, item=page)
            is_mine = is_written or holds(held, slot, epoch, frames)
            return slot_behind(slot, frames, taken) if is_mine else FENCED

        what = f"append {invocation_id} e{epoch} page {slot.page}.{slot.count}+{len(frames)}"
        return await self._do(_WRITE, what, effect)

    async def commit(self, invocation_id: str, *, epoch: int, change: Change) -> Head | Fenced:
        def effect() -> Head | Fenced:
            head = self._existing(invocation_id)
            return self._update(operations.commit(head, epoch=epoch, change=change)) or FENCED

        what = f"commit {invocation_id} e{epoch} {change.status} +{len(change.frames)}"
        return await self._do(_WRITE, what, effect)

    async def attach(self, invocation_id: str, sink: Sink) -> Head | None:
        def effect() -> Head | None:
            head = self._existing(invocation_id)
            return head if self._update(operations.attach(head, sink)) is None else None

        return await self._do(_WRITE, f"attach {sink.invocation_id} to {invocation_id}", effect)

    async def note(self, invocation_id: str, note: Note) -> bool:
        at_ms = self._now_ms()

        def effect() -> bool:
            if self._disk.get("note", invocation_id, note.key) is not None:
                return False
            self._disk.put("note", invocation_id, note.key, item=Arrived(at_ms=at_ms, note=note))
            return True

        return await self._do(_WRITE, f"note {invocation_id} {note.key}", effect)

    async def has_note(self, invocation_id: str, key: str) -> bool:
        return await self._do(
            _READ,
            f"has note {invocation_id} {key}",
            lambda: self._disk.get("note", invocation_id, key) is not None,
        )

    async def cancel_unstarted(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        return await self._change(
            "cancel unstarted", invocation_id, operations.cancel_unstarted, failure=failure, now_ms=now_ms
        )

    async def kill(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        return await self._change("kill", invocation_id, operations.kill, failure=failure, now_ms=now_ms)

    async def pause(self, invocation_id: str, *, now_ms: int, epoch: int | None = None) -> Head | None:
        return await self._change("pause", invocation_id, operations.pause, now_ms=now_ms, epoch=epoch)

    async def resume(self, invocation_id: str, *, now_ms: int, deployment_id: str | None) -> Head | None:
        return await self._change(
            "resume", invocation_id, operations.resume, now_ms=now_ms, deployment_id=deployment_id
        )

    async def due(self, invocation_id: str, *, status: Status, now_ms: int) -> Head | None:
        return await self._change("due", invocation_id, operations.due, status=status, now_ms=now_ms)

    def _page_for(self, epoch: int, invocation_id: str, number: int) -> Page | None:
        """Return a later page, unless it is left over from an earlier run and an epoch of this one wants its place."""
        page: Page | None = self._disk.get("page", invocation_id, number)
        head: Head | None = self._disk.get("head", invocation_id)
        if page is None or head is None or head.owns(page) or epoch < head.first_epoch - 1:
            return page
        return None

    def _put_head(self, head: Head) -> None:
        self._disk.put("head", head.id, item=head)

    def _existing(self, invocation_id: str) -> Head:
        head: Head | None = self._disk.get("head", invocation_id)
        assert head is not None, f"{invocation_id} was written to and does not exist"
        return head

    def _update(self, after: Head | None) -> Head | None:
        if after is not None:
            self._put_head(after)
        return after

    async def _change(
        self, what: str, invocation_id: str, operation: Callable[..., Head | None], **arguments: Any
    ) -> Head | None:
        def effect() -> Head | None:
            return self._update(operation(self._existing(invocation_id), **arguments))

        return await self._do(_WRITE, f"{what} {invocation_id}", effect)


def is_fenced(loaded: Loaded, epoch: int) -> bool:
    """Return whether a newer epoch owns what was loaded: its head, or a page that was claimed since."""
    return loaded.head.epoch != epoch or any(page.epoch > epoch for page in loaded.pages)


def _chains(loaded: Loaded) -> bool:
    """Return whether the pages, read at different moments, follow each other without a gap."""
    length, is_closed = loaded.head.page.count, loaded.head.page.closed
    for page in loaded.pages:
        if page.base != length or not is_closed:
            return False
        length, is_closed = length + page.count, page.closed
    return True


def holds(page: Page | None, slot: Slot, epoch: int, frames: tuple[bytes, ...]) -> bool:
    """Return whether a refused append is in the page already: it was this very writer's earlier try."""
    if page is None or page.epoch != epoch:
        return False
    return page.frames[slot.count : slot.count + len(frames)] == frames
