"""Gathering what the sentence on an invocation that does not move is made of, within a bound of reads."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast_engine.load import journal_of
from holdfast_engine.ports import Fenced
from holdfast_engine.records import Head, Status
from holdfast_engine.stuck import Evidence, Line, Queue, Reason, doing, reason_of, waits_for
from holdfast_engine.world import World

# How far a chain of waiting is followed: beyond this a reader follows it by the ids.
_DEPTH_MAX = 3
# Counted up to here; whoever is further behind has other worries than its exact place.
_PLACES_MAX = 1_000


async def explain(world: World, head: Head, *, entries: Sequence[bytes] | None) -> Reason | None:
    """Return why an invocation does not move; None when it does, or has ended.

    Args:
        world: The world.
        head: The invocation.
        entries: Its journal, where the caller has read it already.
    """
    return await _explain(world, head, entries, depth=1)


async def _explain(world: World, head: Head, entries: Sequence[bytes] | None, *, depth: int) -> Reason | None:
    if head.status is Status.COMPLETED:
        return None
    if head.status is not Status.SUSPENDED:
        entries = ()
    elif entries is None:
        entries = await _entries(world, head)
    queue = await _queue(world, head) if head.status is Status.QUEUED else None
    ahead = () if queue is None or queue.lock.holder in (None, head.id) else (queue.lock.holder or "",)
    others = {}
    if depth < _DEPTH_MAX:
        for other_id in (*ahead, *waits_for(head, entries)):
            sentence = await _sentence(world, other_id, depth=depth + 1)
            if sentence is not None:
                others[other_id] = sentence
    evidence = Evidence(
        head=head,
        entries=entries,
        queue=queue,
        line=await _line(world, head) if head.status is Status.READY else None,
        others=others,
        is_served=_is_served(world, head),
        now_ms=world.clock.now_ms(),
    )
    return reason_of(evidence)


async def _sentence(world: World, invocation_id: str, *, depth: int) -> str | None:
    head = await world.store.head(invocation_id)
    if head is None:
        return None
    reason = await _explain(world, head, None, depth=depth)
    return reason.sentence if reason is not None else doing(head, now_ms=world.clock.now_ms())


async def _entries(world: World, head: Head) -> Sequence[bytes]:
    loaded = await world.store.load(head.id, epoch=None)
    if loaded is None or isinstance(loaded, Fenced):
        return ()
    return (await journal_of(world, loaded.head, loaded.pages, loaded.notes)).entries


async def _queue(world: World, head: Head) -> Queue:
    key = head.key_ref
    lock = (await world.store.keyed(key, with_state=False)).lock
    waits = await world.store.waits(key, from_ticket=lock.serving, limit=_PLACES_MAX)
    tickets = [ticket for ticket, owner in waits if owner == head.id]
    # The holder's ticket is being served: who comes behind it is first in line.
    first = lock.serving if lock.holder is not None else lock.serving - 1
    return Queue(lock=lock, place=max(1, tickets[0] - first) if tickets else None)


async def _line(world: World, head: Head) -> Line | None:
    scope, limits = head.target.scope, world.rules.limits(head.target.scope, head.limit_key)
    if scope is None or not limits:
        return None
    permits = await world.store.permits(scope)
    if permits.of(head.id) is not None:
        return None
    full = [(name, limit) for name, limit in limits.items() if not permits.has_room(head.limit_key, {name: limit})]
    line = await world.store.line(scope, after=None, limit=_PLACES_MAX)
    places = [place for place, waiting in enumerate(line, start=1) if waiting.invocation_id == head.id]
    return Line(full=tuple(full), place=places[0] if places else None)


def _is_served(world: World, head: Head) -> bool:
    service = world.registry.service(head.target.service)
    if head.deployment_id is not None and world.registry.deployment(head.deployment_id) is not None:
        return True
    return service is not None and head.target.handler in service.handlers
