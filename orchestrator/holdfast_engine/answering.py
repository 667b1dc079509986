"""Answering open commands at once: state reads, ids of callees, promises and outcomes that are there already."""

from __future__ import annotations

from holdfast_engine.commands import RULES, Answering, Facts
from holdfast_engine.held import Held, append_pending
from holdfast_engine.journal import type_of
from holdfast_engine.outcomes import outcome_of_head
from holdfast_engine.perform import perform
from holdfast_engine.records import Status
from holdfast_engine.retention import is_over
from holdfast_engine.runs import Run
from holdfast_engine.world import World
from holdfast_protocol.messages import MessageType, decode

_READING_STATE = frozenset({int(MessageType.GET_LAZY_STATE), int(MessageType.GET_LAZY_STATE_KEYS)})


async def answer_open(world: World, held: Held) -> None:
    """Add the notifications that can be given now, behind all entries.

    The commands may stand further ahead in the journal: a handler with a checkpoint stores them before anybody can
    answer. A completion at a later place is as good, an inserted one would change what the handler has seen.
    """
    for index in list(held.journal.unanswered.values()):
        await _answer(world, held, index)


async def answer_in_order(world: World, held: Held, run: Run) -> bool:
    """Answer all that can be answered, each command in its turn; False when fenced."""
    for index in _asking_behind_effects(held):
        # Only what is stored may take effect, and only what took effect is seen.
        if not await append_pending(world, held):
            return False
        for earlier in [open_ for open_ in held.journal.unanswered.values() if open_ < index]:
            await _answer(world, held, earlier)
        await perform(world, held, run, until=index)
    await answer_open(world, held)
    return True


async def _answer(world: World, held: Held, index: int) -> None:
    """Add the notifications that can be given now to one open command."""
    for frame in await _answers(world, held, index):
        held.journal.add(frame)


def _asking_behind_effects(held: Held) -> list[int]:
    """Return the open commands that ask about the world behind one that changes it and was not performed yet.

    Commands take effect in order: a look at a promise sees the completion in front of it, and not the one behind it.
    """
    journal = held.journal
    asking = [index for index in journal.unanswered.values() if _asks_the_world(type_of(journal.entries[index]))]
    if not asking:
        return []
    first = next(
        (
            index
            for index, kind, _ in journal.commands_between(held.performed, max(asking))
            if (rule := RULES.get(kind)) is not None and rule.effect is not None and not _asks_the_world(kind)
        ),
        max(asking),
    )
    return [index for index in asking if index > first]


def _asks_the_world(kind: int) -> bool:
    rule = RULES[kind]
    return rule.promise_read is not None or rule.outcome_read is not None


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
        # Folding the journal once for each of a thousand calls would be work by their square.
        state=held.state_before(index) if type_of(frame) in _READING_STATE else {},
        facts=facts,
    )
    assert rule.answer is not None
    return rule.answer(command, context)


async def _read_outcome(world: World, invocation_id: str, facts: Facts) -> None:
    head = await world.store.head(invocation_id)
    if head is not None and not is_over(head, world.clock.now_ms()):
        is_completed = head.status is Status.COMPLETED
        facts.outcomes[invocation_id] = await outcome_of_head(world, head) if is_completed else None
