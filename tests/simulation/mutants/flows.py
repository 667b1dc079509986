"""Mutants of the flows: messages, looks, wake-ups, deliveries, cancellations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holdfast_engine import (
    advance,
    cancel,
    engine,
    ids,
    journal,
    kill,
    notify,
    operating,
    outcomes,
    perform,
    settle,
    submit,
)
from holdfast_engine.commands import Performing
from holdfast_engine.commands.call import RULE as CALL
from holdfast_engine.effects import SubmitChild
from holdfast_engine.held import Held
from holdfast_engine.lacking import Lacking
from holdfast_engine.ports import Loaded
from holdfast_engine.records import Awaiting, Head, Note, Status
from holdfast_engine.world import World
from holdfast_protocol.messages import MessageType, decode
from tests.simulation.mutants.mutant import mutant
from tests.simulation.world.journals import SimJournals
from tests.simulation.world.wakeups import SimWakeups


def _nothing(right: Any) -> Any:
    async def nothing(*arguments: Any, **options: Any) -> None:
        return None

    return nothing


def _one_look(right: Any) -> Any:
    async def suspend(world: World, held: Held, awaiting: Awaiting, run: Any) -> bool | None:
        if not await settle._commit(world, held, Status.SUSPENDED, awaiting=awaiting):
            return False
        await perform.perform(world, held, run)
        await perform.apply_state(world, held)
        due = held.journal.next_due_ms(after_ms=0)
        if due is not None:
            await world.wakeups.wake(held.head.id, not_before_ms=due)
        return True

    return suspend


def _acknowledges_live_leases(right: Any) -> Any:
    async def advance_(world: World, invocation_id: str, **options: Any) -> int | None:
        head = await world.store.head(invocation_id)
        if head is not None and head.status is Status.RUNNING and head.lease_until_ms > world.clock.now_ms():
            return None
        again: int | None = await right(world, invocation_id, **options)
        return again

    return advance_


def _note_without_look(right: Any) -> Any:
    async def notify_(world: World, invocation_id: str, note: Note) -> Head | None:
        await world.store.note(invocation_id, note)
        return await world.store.head(invocation_id)

    return notify_


def _look_before_note(right: Any) -> Any:
    async def notify_(world: World, invocation_id: str, note: Note) -> Head | None:
        head = await world.store.head(invocation_id)
        await world.store.note(invocation_id, note)
        if head is not None and head.status in (Status.SUSPENDED, Status.READY):
            await world.wakeups.wake(invocation_id, not_before_ms=None)
        return head

    return notify_


def _old_sinks(right: Any) -> Any:
    async def commit(world: World, held: Held, *arguments: Any, **options: Any) -> bool:
        sinks = held.head.sinks
        stored: bool = await right(world, held, *arguments, **options)
        held.head = replace(held.head, sinks=sinks)
        return stored

    return commit


def _no_reason_to_finish(right: Any) -> Any:
    async def finish_up(world: World, loaded: Loaded) -> int | None:
        return None

    return finish_up


def _another_child_each_time(right: Any) -> Any:
    count = [0]

    def child_id(service: str, *, completion_id: int, **parent: Any) -> str:
        count[0] += 1
        found: str = right(service, completion_id=completion_id + 1_000_000 * (count[0] % 2), **parent)
        return found

    return child_id


def _timers_forgotten(right: Any) -> Any:
    def next_due_ms(self: Any, *, after_ms: int) -> int | None:
        return None

    return next_due_ms


def _acknowledges_failures(right: Any) -> Any:
    async def take(*arguments: Any, **options: Any) -> int | None:
        await right(*arguments, **options)
        return None

    return take


def _retry_forgotten(right: Any) -> Any:
    async def wake(self: Any, invocation_id: str, *, not_before_ms: int | None) -> None:
        if not_before_ms is None:
            await right(self, invocation_id, not_before_ms=None)

    return wake


def _resumed_in_silence(right: Any) -> Any:
    async def resume(world: World, invocation_id: str, *, deployment: str) -> None:
        await world.store.resume(invocation_id, now_ms=world.clock.now_ms(), deployment_id=None)

    return resume


def _living_only(right: Any) -> Any:
    async def kill_children(world: World, entries: Any, head: Head, run: Any) -> None:
        context = Performing(head=head, journal=entries, registry=world.registry)
        assert CALL.effect is not None
        for index, kind, frame in entries.commands_between(0, len(entries)):
            effect = CALL.effect(decode(frame), index, context) if kind == MessageType.CALL else None
            if isinstance(effect, SubmitChild) and await world.store.head(effect.invocation_id) is not None:
                await kill.kill(world, effect.invocation_id, run)

    return kill_children


def _everywhere(name: str, make: Any, *owners: Any) -> list[tuple[Any, str, Any]]:
    """Return the replacement of a function in every module that has imported it."""
    return [(owner, name, make) for owner in owners]


def _no_note_ever(right: Any) -> Any:
    async def has_note(self: Any, invocation_id: str, key: str) -> bool:
        return False

    return has_note


def _whenever_suspended(right: Any) -> Any:
    def first_of(self: Any, head: Head, group: tuple[int, ...]) -> int | None:
        lack = self._lack_by_id.get(head.id)
        return None if lack is None else next((each for each in group if each not in lack.arrived), None)

    return first_of


MUTANTS = (
    mutant("no second look after suspension", "D1", (settle, "_suspend", _one_look), weather="calm"),
    mutant("no watchdog", "O-1", (SimWakeups, "watchdog", _nothing)),
    mutant("acknowledges on a live lease", "O-3", (engine, "advance", _acknowledges_live_leases)),
    mutant("notes wake nobody", "D1", *_everywhere("notify", _note_without_look, notify, perform, cancel)),
    mutant("a note that is there counts as missing", "D1", (SimJournals, "has_note", _no_note_ever), weather="calm"),
    mutant(
        "what an earlier suspension lacked counts", "D1", (Lacking, "first_of", _whenever_suspended), weather="calm"
    ),
    mutant(
        "head read before the note",
        "D1",
        *_everywhere("notify", _look_before_note, notify, perform, cancel),
        weather="calm",
    ),
    mutant("sinks read before commit", "O1", (settle, "_commit", _old_sinks), weather="calm"),
    mutant("completed redelivery dropped", "O-6", (advance, "_finish_up", _no_reason_to_finish)),
    mutant("an existing child is not woken", "O-5", (submit, "_meet", _nothing)),
    mutant("children have a new id each time", "D2", (ids, "child_id", _another_child_each_time)),
    mutant("timers of sleeps forgotten", "D1", (journal.Journal, "next_due_ms", _timers_forgotten)),
    mutant("fenced messages acknowledged", "O-3", (advance, "_take", _acknowledges_failures), weather="zombies"),
    mutant("timers are lost", "D1", (SimWakeups, "wake", _retry_forgotten)),
    mutant("a kill spares the children", "C1", (kill, "_kill_children", _nothing), weather="operators"),
    mutant(
        "children that are not there yet are not killed",
        "C1",
        (kill, "_kill_children", _living_only),
        weather="operators",
    ),
    mutant("an outcome is told before its state is written", "K3", (outcomes, "_write_state", _nothing)),
    mutant("a resumed one is not woken", "D1", (operating, "resume", _resumed_in_silence)),
)
