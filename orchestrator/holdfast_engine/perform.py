"""Performing the effects of committed commands: at least once, in journal order, each idempotent at its receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import assert_never

from holdfast_engine.cancel import cancel
from holdfast_engine.commands import RULES, Performing
from holdfast_engine.effects import (
    AttachTo,
    Cancel,
    CompletePromise,
    Effect,
    ListenPromise,
    Notify,
    SubmitChild,
)
from holdfast_engine.errors import PayloadTooLarge, UnknownInvocation
from holdfast_engine.held import Held, Key
from holdfast_engine.note_keys import completion_key, sink_of
from holdfast_engine.notify import complete_sink, notify, notify_if_alive
from holdfast_engine.outcomes import outcome_of_head
from holdfast_engine.records import Failure, Head, Note, Outcome, Status
from holdfast_engine.retention import is_over
from holdfast_engine.runs import Run
from holdfast_engine.state import applied, fold
from holdfast_engine.submit import submit_child
from holdfast_engine.wire import outcome_completion, void_completion
from holdfast_engine.world import World
from holdfast_protocol.messages import MessageType, decode

ALREADY_COMPLETED = Outcome(failure=Failure(code=409, message="the promise was completed already"))
NOT_FOUND = Outcome(failure=Failure(code=404, message="invocation not found"))


async def perform(world: World, held: Held, run: Run, *, until: int | None = None) -> None:
    """Perform the effects of the stored entries that have not been performed by this process, in order (O-4).

    All of them, or those below an entry. Sends of one handler to one key keep their order because each is entered
    before the next is created.
    """
    until = held.journal.durable if until is None else until
    for effect in _effects(world, held, until):
        await _perform(world, held.head, effect, run)
    held.performed = until
    world.performed.note(held.head, until)


async def perform_for_others(world: World, held: Held, run: Run) -> None:
    """Perform what a killed invocation had committed for others: its sends, signals and promises survive it.

    Its calls are killed with it, and there is nobody left to be answered.
    """
    for effect in _effects(world, held, held.journal.durable):
        is_call = isinstance(effect, SubmitChild) and effect.completion_id is not None
        if not is_call and not isinstance(effect, AttachTo | ListenPromise):
            await _perform(world, held.head, effect, run)


def _effects(world: World, held: Held, until: int) -> Iterator[Effect]:
    """Yield what is to be done for the entries below an index, each worked out when its turn has come."""
    journal = held.journal
    context = Performing(head=held.head, journal=journal, registry=world.registry)
    for index, kind, frame in journal.commands_between(held.performed, until):
        rule = RULES.get(kind)
        if rule is None or rule.effect is None:
            continue
        effect = rule.effect(decode(frame), index, context)
        if effect is not None:
            yield effect


async def apply_state(world: World, held: Held) -> None:
    """Make the state written so far visible while the invocation keeps its key; repeated, it is refused."""
    key, journal = held.key, held.journal
    if key is None or key.ticket is None:
        return
    index = journal.durable - 1
    writes = fold(journal.entries[key.applied + 1 : index + 1])
    if writes.is_empty:
        return
    try:
        await world.store.apply(
            held.head.key_ref, ticket=key.ticket, invocation_id=held.head.id, index=index, writes=writes
        )
    except PayloadTooLarge:
        # It is in the journal already; whoever settles the attempt parks the invocation and says why.
        return
    held.key = Key(ticket=key.ticket, state=applied(key.state, writes), applied=index)


async def _perform(world: World, head: Head, effect: Effect, run: Run) -> None:
    match effect:
        case SubmitChild():
            child = await submit_child(world, head, effect)
            if child is not None:
                run(world, child)
        case Notify():
            await notify_if_alive(world, effect.invocation_id, effect.note)
        case Cancel():
            with suppress(UnknownInvocation):
                await cancel(world, effect.invocation_id, token=effect.token)
        case AttachTo():
            await _attach(world, head, effect)
        case ListenPromise():
            await _listen(world, head, effect)
        case CompletePromise():
            await _complete(world, head, effect)
        case _:
            assert_never(effect)


async def _attach(world: World, head: Head, effect: AttachTo) -> None:
    sink = sink_of(head, effect.completion_id, MessageType.ATTACH_INVOCATION_COMPLETION)
    target = await world.store.head(effect.invocation_id)
    if target is None or is_over(target, world.clock.now_ms()):
        await complete_sink(world, sink, NOT_FOUND)
        return
    ended = target if target.status is Status.COMPLETED else await world.store.attach(target.id, sink)
    if ended is not None:
        await complete_sink(world, sink, await outcome_of_head(world, ended))


async def _listen(world: World, head: Head, effect: ListenPromise) -> None:
    sink = sink_of(head, effect.completion_id, MessageType.GET_PROMISE_COMPLETION)
    promise = await world.store.listen_promise(head.key_ref, effect.name, sink)
    if promise is not None:
        assert promise.outcome is not None
        await complete_sink(world, sink, promise.outcome)


async def _complete(world: World, head: Head, effect: CompletePromise) -> None:
    promise, is_mine = await world.store.complete_promise(
        head.key_ref, effect.name, outcome=effect.outcome, by=effect.by
    )
    if is_mine:
        for listener in promise.listeners:
            await complete_sink(world, listener, effect.outcome)
        frame = void_completion(MessageType.COMPLETE_PROMISE_COMPLETION, effect.completion_id)
    else:
        frame = outcome_completion(MessageType.COMPLETE_PROMISE_COMPLETION, effect.completion_id, ALREADY_COMPLETED)
    key = completion_key(effect.completion_id, first_epoch=head.first_epoch)
    await notify(world, head.id, Note(key=key, frame=frame))
