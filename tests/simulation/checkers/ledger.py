"""The ledger: every journal as it was written, entry by entry, with who wrote it and when; checkers read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from holdfast_engine.blobs import REFERENCE_TYPE
from holdfast_engine.records import Head, Kept, Page
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_body, frame_type
from holdfast_protocol.messages import MessageType, decode
from tests.simulation.world.disk import Changed, Disk

_RUN, _RUN_COMPLETION = int(MessageType.RUN), int(MessageType.RUN_COMPLETION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a journal. `number` is that of the disk change that brought it in, `epoch` that of its writer."""

    index: int
    kind: int
    message: Any
    number: int
    epoch: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An invocation that is over, whose id another one has by now: its head as it ended, and its journal."""

    head: Head
    entries: list[Entry]


class Ledger:
    """All journals of a history; it must be the first to hear of a change.

    What it says of an id is of the latest invocation that has had it; `past` holds those before.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.now_s = 0.0
        self.entries: dict[str, list[Entry]] = {}
        self.created: dict[str, int] = {}
        self.completed: dict[str, tuple[int, float]] = {}
        self.killed_s: dict[str, float] = {}
        self.ended: dict[str, Head] = {}
        self.forgotten: set[str] = set()
        self.past: dict[str, list[Past]] = {}
        self.copies: dict[str, str] = {}
        self.taken: dict[str, set[str]] = {}
        self._run_names: dict[tuple[str, int], str] = {}
        self._results: dict[tuple[str, str], Entry] = {}

    def take(self, changed: Changed, now_s: float) -> None:
        """Take in a change of the disk."""
        self.now_s = now_s
        if changed.table not in ("head", "page") or changed.after is None:
            return
        before, after = changed.before, changed.after
        if isinstance(after, Head):
            if before is None:
                self._begin(after.id)
                if after.origin is not None:
                    self.copies[after.id] = after.origin.invocation_id
            if after.completed_ms is not None and after.id not in self.completed:
                self.completed[after.id] = (changed.number, now_s)
                self.ended[after.id] = after
                if after.is_killed:
                    self.killed_s[after.id] = now_s
            if after.kept is Kept.NOTHING:
                self.forgotten.add(after.id)
        page = page_of(after)
        assert page is not None
        if is_left_over(self._disk, changed.partition, page):
            return
        self.taken.setdefault(changed.partition, set()).update(page.taken)
        earlier = page_of(before)
        is_own = earlier is None or not is_left_over(self._disk, changed.partition, earlier)
        self._take_frames(changed, earlier if is_own else None, page)

    def _begin(self, invocation_id: str) -> None:
        """Begin a journal; that of somebody who was forgotten goes to the past, and counts no more."""
        if invocation_id in self.ended and invocation_id in self.forgotten:
            head, _ = self.ended.pop(invocation_id), self.completed.pop(invocation_id)
            past = Past(head=head, entries=self.entries.pop(invocation_id))
            self.past.setdefault(invocation_id, []).append(past)
            self.killed_s.pop(invocation_id, None)
            self.taken.pop(invocation_id, None)
            for name in [name for of, name in self._results if of == invocation_id]:
                del self._results[invocation_id, name]
            self.created[invocation_id] -= 1
        self.created[invocation_id] = self.created.get(invocation_id, 0) + 1

    @property
    def originals(self) -> list[str]:
        """Return the invocations that are no restarts of others: each executes a program of its own."""
        return [invocation_id for invocation_id in self.created if invocation_id not in self.copies]

    def lineage(self, invocation_id: str) -> list[str]:
        """Return an invocation and those of which it is a restart, itself first."""
        line = [invocation_id]
        while line[-1] in self.copies:
            line.append(self.copies[line[-1]])
        return line

    def result_of(self, invocation_id: str, name: str) -> Entry | None:
        """Return the entry that holds the result of a step."""
        return self._results.get((invocation_id, name))

    def commands(self, invocation_id: str, *kinds: MessageType) -> list[Entry]:
        """Return the entries of some kinds."""
        return [entry for entry in self.entries.get(invocation_id, ()) if entry.kind in kinds]

    def program_of(self, invocation_id: str) -> int:
        """Return the number of the program that an invocation executes."""
        return int(self.argument_of(invocation_id)["p"])

    def argument_of(self, invocation_id: str) -> dict[str, Any]:
        """Return the input of an invocation."""
        argument: dict[str, Any] = json.loads(self.entries[invocation_id][0].message.value.content)
        return argument

    def _take_frames(self, changed: Changed, before: Page | None, after: Page) -> None:
        invocation_id = changed.partition
        entries = self.entries.setdefault(invocation_id, [])
        for offset in range(before.count if before is not None else 0, after.count):
            if after.base + offset != len(entries):
                # Not where the journal ends: J1 will say so.
                continue
            frame = self._whole(invocation_id, after.frames[offset])
            entry = Entry(
                index=len(entries),
                kind=frame_type(frame),
                message=decode(frame),
                number=changed.number,
                epoch=after.epoch,
                at_s=self.now_s,
            )
            entries.append(entry)
            self._note_step(invocation_id, entry)

    def _note_step(self, invocation_id: str, entry: Entry) -> None:
        if entry.kind == _RUN:
            assert isinstance(entry.message, pb.RunCommand)
            self._run_names[invocation_id, entry.message.result_completion_id] = entry.message.name
        elif entry.kind == _RUN_COMPLETION:
            name = self._run_names.get((invocation_id, entry.message.completion_id))
            if name is not None:
                self._results.setdefault((invocation_id, name), entry)

    def _whole(self, invocation_id: str, frame: bytes) -> bytes:
        if frame_type(frame) != REFERENCE_TYPE:
            return frame
        content: bytes | None = self._disk.get("blob", invocation_id, frame_body(frame).decode())
        assert content is not None, f"a page of {invocation_id} refers to a blob that was never stored"
        return content


def page_of(item: Head | Page | None) -> Page | None:
    """Return the page that an item is or holds."""
    return item.page if isinstance(item, Head) else item


def is_left_over(disk: Disk, invocation_id: str, page: Page) -> bool:
    """Return whether a page was begun by somebody who is left over from an invocation whose id another one has now."""
    head: Head | None = disk.get("head", invocation_id)
    return head is not None and not head.owns(page)
