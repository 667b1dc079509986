"""Answering open commands at once: state reads, ids of callees, promises and outcomes that are there already."""

from __future__ import annotations

from holdfast_engine.commands import RULES, Answering, Facts
from holdfast_engine.held import Held
from holdfast_engine.journal import type_of
from holdfast_engine.outcomes import outcome_of_head
from holdfast_engine.records import Status
from holdfast_engine.world import World
from holdfast_protocol.messages import decode


async def answer_open(world: World, held: Held) -> None:
    """Add the notifications that can be given now, behind all entries.

    The commands may stand further ahead in the journal: a handler with a checkpoint stores them before anybody can
    answer. A completion at a later place is as good, an inserted one would change what the handler has seen.
    """
    journal = held.journal
    for index in list(journal.unanswered.values()):
        for frame in await _answers(world, held, index):
            journal.add(frame)


def asks_behind_effects(held: Held) -> bool:
    """Return whether an open command asks about the world behind one that changes it and was not performed yet."""
    journal = held.journal
    asking = [
        index
        for index in journal.unanswered.values()
        if (asked := RULES[type_of(journal.entries[index])]).promise_read is not None or asked.outcome_read is not None
    ]
    if not asking:
        return False
    in_front = journal.commands_between(held.performed, max(asking))
    return any((rule := RULES.get(kind)) is not None and rule.effect is not None for _, kind, _ in in_front)


async def _answers(world: World, held: Held, index: int) -> list[bytes]:
    frame = held.journal.entries[index]
    command = decode(frame)
    rule = RULES[type_of(frame)]
    facts = Facts()
    if rule.promise_read is not None:
        name = rule.promise_read(command)
        facts.promises[name] = await world.store.promise(held.head.key_ref, name)
    if rule.outcome_read is not None:
        await _read_outcome(world, rule.outcome_read(command), facts)
    context = Answering(
        head=held.head,
        journal=held.journal,
        registry=world.registry,
        state=held.state_before(index),
        facts=facts,
    )
    assert rule.answer is not None
    return rule.answer(command, context)


async def _read_outcome(world: World, invocation_id: str, facts: Facts) -> None:
    head = await world.store.head(invocation_id)
    if head is not None:
        is_completed = head.status is Status.COMPLETED
        facts.outcomes[invocation_id] = await outcome_of_head(world, head) if is_completed else None
