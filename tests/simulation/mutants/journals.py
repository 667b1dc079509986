"""Mutants of the journal: who may write, what is loaded, and in which order entries come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holdfast_engine import advance, attempt, checkpoint, decide, journal, operations, performed, settle
from holdfast_engine.errors import RequestRejected
from holdfast_engine.held import Held
from holdfast_engine.load import add_notes
from holdfast_engine.perform import perform
from holdfast_engine.ports import Answer
from holdfast_engine.records import Head, Page, Status
from holdfast_engine.world import World
from tests.simulation.mutants.mutant import mutant


def _append_to_head_of_anybody(right: Any) -> Any:
    def append_to_head(head: Head, *, epoch: int, **added: Any) -> Head | None:
        if head.status is Status.COMPLETED:
            return None
        after: Head | None = right(head, epoch=head.epoch, **added)
        return replace(after, page=replace(after.page, epoch=epoch)) if after is not None else None

    return append_to_head


def _append_to_page_of_anybody(right: Any) -> Any:
    def append_to_page(page: Page | None, *, epoch: int, **added: Any) -> Page | None:
        after: Page | None = right(page, epoch=max(epoch, page.epoch if page is not None else 0), **added)
        return replace(after, epoch=epoch) if after is not None else None

    return append_to_page


def _commit_of_any_epoch(right: Any) -> Any:
    def commit(head: Head, *, epoch: int, change: Any) -> Head | None:
        after: Head | None = right(head, epoch=head.epoch, change=change)
        if after is None or after.page.count == head.page.count:
            return after
        return replace(after, page=replace(after.page, epoch=epoch))

    return commit


def _without_claim(right: Any) -> Any:
    async def claim_open_slot(world: World, head: Head) -> bool:
        return True

    return claim_open_slot


def _notes_in_front(right: Any) -> Any:
    async def invoke(world: World, held: Held, *arguments: Any, **options: Any) -> Answer:
        answer: Answer = await right(world, held, *arguments, **options)
        await add_notes(world, held.head, held.journal, await world.store.notes(held.head.id))
        return answer

    return invoke


def _merged_notes_forgotten(right: Any) -> Any:
    async def append(self: Any, frames: Any) -> bool:
        """Store the frames of a checkpoint, and not what the attempt was sent and nobody has stored."""
        held = self._held
        fresh = held.journal.durable
        if held.journal.pending:
            del held.journal.entries[fresh:]
        stored: bool = await right(self, frames)
        return stored

    return append


def _effects_first(right: Any) -> Any:
    async def commit(world: World, held: Held, *arguments: Any, **options: Any) -> bool:
        durable = held.journal.durable
        held.journal.durable = len(held.journal.entries)
        performed_until = held.performed
        try:
            await perform(world, held, attempt.start_run)
        except RequestRejected:
            pass
        held.journal.durable, held.performed = durable, performed_until
        stored: bool = await right(world, held, *arguments, **options)
        return stored

    return commit


def _all_performed(right: Any) -> Any:
    def until(self: Any, head: Head) -> int:
        return 1_000_000

    return until


def _early(right: Any) -> Any:
    def add_due_sleeps(self: Any, now_ms: int) -> None:
        right(self, now_ms + 5_000)

    return add_due_sleeps


def _for_ever(right: Any) -> Any:
    def decide_failure(failed: Any, *, head: Head, **situation: Any) -> Any:
        return right(failed, head=replace(head, failed_attempts=0), **situation)

    return decide_failure


def _unheeded_end(right: Any) -> Any:
    def kill(head: Head, **options: Any) -> Head | None:
        if head.status is not Status.COMPLETED:
            killed: Head | None = right(head, **options)
            return killed
        again: Head | None = right(replace(head, status=Status.RUNNING), **options)
        return again

    return kill


MUTANTS = (
    mutant(
        "no fencing on append",
        "J2",
        (operations, "append_to_head", _append_to_head_of_anybody),
        (operations, "append_to_page", _append_to_page_of_anybody),
    ),
    mutant("no fencing on commit", "J2", (operations, "commit", _commit_of_any_epoch), weather="zombies"),
    mutant("no claim of the open slot", "O-8", (advance, "_claim_open_slot", _without_claim), weather="zombies"),
    mutant("notes in front of frames", "R2", (attempt, "_invoke", _notes_in_front)),
    mutant(
        "merged notes not stored with the checkpoint",
        "O-9",
        (checkpoint.EngineCheckpoint, "append", _merged_notes_forgotten),
    ),
    mutant("effects performed before commit", "D2", (settle, "_commit", _effects_first)),
    mutant("done not resumed", "O-4", (performed.Performed, "until", _all_performed)),
    mutant("sleeps end early", "T1", (journal.Journal, "add_due_sleeps", _early)),
    mutant("retries not counted", "P1", (decide, "_decide_failure", _for_ever)),
    mutant("a kill overwrites an outcome", "O1", (operations, "kill", _unheeded_end)),
)
