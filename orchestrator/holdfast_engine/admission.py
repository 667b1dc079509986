"""Admission: in a scope with limits an invocation runs with a permit, and stands in line, `ready`, until it gets one.

A permit is taken before the first attempt of an epoch and returned when the invocation rests: who sleeps or waits for
another does not count. The key comes before the permit and a permit is never held while waiting for anything, so nobody
waits for somebody who waits for him.

* A permit is returned while somebody goes to the end of the line: it is returned before the line is read, and the line
  is joined before the permits are read; one of the two sees the other (the two-sided check of notes, once more).
* Who returned a permit dies before it wakes the first of the line: its message comes back and does so (O-5), and
  whoever stands in line looks by itself now and then.
* A newcomer comes while somebody is being woken for a free place: it finds an older one in line who could go, and goes
  behind. Only strictly older ones count, so nobody stands behind each other.
* The invocation that is woken was paused or killed: it is dropped from the line, and the next one is woken. Dropped
  while it is resumed it may lose its place; it looks by itself.
* A process dies with a permit: its successor makes it its own. If there is none, because the invocation rests, those in
  line find that out: a few permits are checked by each that finds no room.
* A rule is made while invocations run that it would have counted: they run on uncounted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from holdfast_engine.permits import Permit, Permits, Waiting
from holdfast_engine.records import Head, Status
from holdfast_engine.world import World

# How long who stands in line relies on being woken, before it looks by itself.
LOOK_AGAIN_MS = 15_000

_PAGE = 100
# Permits checked by each who finds no room; with those who come after it all are.
_CHECKED_MAX = 10

_AT_WORK = frozenset({Status.RUNNING, Status.QUEUED})


async def admit(world: World, head: Head) -> bool:
    """Take a permit for the epoch that the caller owns; False when it has to stand in line."""
    scope, limits = head.target.scope, world.rules.limits(head.target.scope, head.limit_key)
    if scope is None or not limits:
        return True
    if not await _is_next(world, scope, head):
        return False
    permit = Permit(invocation_id=head.id, epoch=head.epoch, limit_key=head.limit_key)
    return await world.store.take_permit(scope, permit, limits=limits) is not None


async def is_turn(world: World, head: Head) -> bool:
    """Return whether a ready invocation should try to run; if not, it stands in line."""
    scope = head.target.scope
    if scope is None or not world.rules.limits(scope, head.limit_key) or await _is_next(world, scope, head):
        return True
    await stand_in_line(world, head)
    return False


async def stand_in_line(world: World, head: Head) -> None:
    """Join the line; whoever has returned a permit meanwhile did not see this one there, so it looks again."""
    scope = head.target.scope
    assert scope is not None, f"{head.id} is in no scope and has nothing to wait for"
    await world.store.put_waiting(scope, _place_of(head))
    world.lines.add(scope)
    at_once = await _is_next(world, scope, head)
    await world.wakeups.wake(head.id, not_before_ms=None if at_once else world.clock.now_ms() + LOOK_AGAIN_MS)


async def let_go(world: World, head: Head) -> None:
    """Return the permit of an invocation that rests, and wake the first in line who can go."""
    scope = head.target.scope
    if scope is None or not world.rules.limits(scope, head.limit_key):
        return
    permits = await world.store.return_permit(scope, invocation_id=head.id, epoch=head.epoch)
    if permits is None:
        # Perhaps an earlier try returned it, and died before it woke anybody.
        permits = await world.store.permits(scope)
    # One place has become free in each counter at most, so one at most can go.
    async for first in _able_to_go(world, scope, permits, before=None):
        await _wake(world, first)
        return


async def call_up(world: World) -> None:
    """Wake all who can go, because the rules have changed; of those only that this process knows to stand in line."""
    for scope in sorted(world.lines):
        if not await world.store.line(scope, after=None, limit=1):
            world.lines.discard(scope)
            continue
        permits = await world.store.permits(scope)
        async for head in _able_to_go(world, scope, permits, before=None):
            await _wake(world, head)


async def _is_next(world: World, scope: str, head: Head) -> bool:
    """Return whether there is room for an invocation, and nobody older in line who could use it."""
    permits = await world.store.permits(scope)
    if permits.of(head.id) is not None:
        return True
    limits = world.rules.limits(scope, head.limit_key)
    if not permits.has_room(head.limit_key, limits):
        permits = await _checked(world, scope, permits)
        if not permits.has_room(head.limit_key, limits):
            return False
    async for older in _able_to_go(world, scope, permits, before=_place_of(head)):
        await _wake(world, older)
        return False
    return True


async def _able_to_go(world: World, scope: str, permits: Permits, *, before: Waiting | None) -> AsyncIterator[Head]:
    """Yield who stands in line and would find room, oldest first, each with those before it counted."""
    after: Waiting | None = None
    while page := await world.store.line(scope, after=after, limit=_PAGE):
        for waiting in page:
            if before is not None and waiting >= before:
                return
            head = await _who_can_go(world, scope, permits, waiting)
            if head is not None:
                yield head
                permit = Permit(invocation_id=head.id, epoch=head.epoch, limit_key=head.limit_key)
                permits = Permits(out=(*permits.out, permit))
        after = page[-1]


async def _who_can_go(world: World, scope: str, permits: Permits, waiting: Waiting) -> Head | None:
    """Return an invocation in line if it would find room; one that has no business there is dropped from the line."""
    limits = world.rules.limits(scope, waiting.limit_key)
    is_served = permits.of(waiting.invocation_id) is not None
    if not is_served and not permits.has_room(waiting.limit_key, limits):
        return None
    head = None if is_served else await world.store.head(waiting.invocation_id)
    # Where there are no limits any more, who runs wants no place, and keeps nobody waiting.
    if head is not None and (head.status is Status.READY or (limits and head.status in _AT_WORK)):
        return head
    await world.store.forget_waiting(scope, waiting)
    return None


async def _wake(world: World, head: Head) -> None:
    # One that runs is about to take the place, or to step back and look.
    if head.status is Status.READY:
        await world.wakeups.wake(head.id, not_before_ms=None)


async def _checked(world: World, scope: str, permits: Permits) -> Permits:
    """Return the permits without those of invocations that rest: whoever took them died before returning them."""
    start = int(world.dice.jitter() * len(permits.out))
    for permit in (permits.out[start:] + permits.out[:start])[:_CHECKED_MAX]:
        head = await world.store.head(permit.invocation_id)
        if head is None or head.status not in _AT_WORK:
            # Taken up meanwhile it has a younger epoch, and keeps its permit or takes a new one.
            epoch = permit.epoch if head is None else head.epoch
            returned = await world.store.return_permit(scope, invocation_id=permit.invocation_id, epoch=epoch)
            permits = returned if returned is not None else await world.store.permits(scope)
    return permits


def _place_of(head: Head) -> Waiting:
    # By age: who has begun and waits to go on comes before those who have not begun.
    return Waiting(since_ms=head.created_ms, invocation_id=head.id, limit_key=head.limit_key)
