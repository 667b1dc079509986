"""What goes on beside the attempts: leases are renewed, retentions end, and a restart finds everything again."""

from __future__ import annotations

import asyncio
import logging

from holdfast_engine.errors import OrchestratorError
from holdfast_engine.ports import Store, Wakeups
from holdfast_engine.records import Head, KeyRef, Status
from holdfast_engine.retention import expire
from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast")

_PAGE = 500
_SWEEP_EVERY_S = 60.0


async def renew_leases(world: World) -> None:
    """Renew the leases of the attempts under way in this process, for ever; a lost one is left to its fence."""
    while True:
        await asyncio.sleep(world.settings.lease_ms / 3000)
        now = world.clock.now_ms()
        for held in list(world.live.values()):
            head = held.head
            # A short attempt has ended before a third of its lease is over and never pays for this.
            if head.modified_ms <= now - world.settings.lease_ms // 3:
                until = now + world.settings.lease_ms
                try:
                    await world.store.renew(head.id, epoch=head.epoch, lease_until_ms=until)
                except OrchestratorError:
                    _LOG.exception("the lease of %s could not be renewed; next try in a while", head.id)


async def sweep_retention(world: World) -> None:
    """Let go of what is no longer kept, for ever."""
    while True:
        try:
            while heads := await world.store.expired(now_ms=world.clock.now_ms(), limit=_PAGE):
                for head in heads:
                    await expire(world, head)
                await world.store.flushed()
        except OrchestratorError:
            _LOG.exception("deleting what is no longer kept failed; next try in %d s", _SWEEP_EVERY_S)
        await asyncio.sleep(_SWEEP_EVERY_S)


async def recover(world: World) -> int:
    """Re-create every wake-up and timer of a world; return how many invocations were woken."""
    return await wake_all(world.store, world.wakeups)


async def wake_all(store: Store, wakeups: Wakeups) -> int:
    """Re-create every wake-up and timer from the tables alone; idempotent, and harmless beside running traffic.

    Returns:
        How many invocations were woken.
    """
    woken = 0
    after: str | None = None
    while heads := await store.unfinished(after=after, limit=_PAGE):
        # A backup may be so old that some of it would expire once the table is in use that it was restored to.
        await asyncio.gather(*[store.keep(head.id) for head in heads if head.status is not Status.COMPLETED])
        # A page at once: where a wake-up is a message, those of one page share requests.
        await asyncio.gather(*[wakeups.wake(head.id, not_before_ms=_not_before(head)) for head in heads])
        woken += len(heads)
        after = heads[-1].id
    last: KeyRef | None = None
    while keys := await store.busy_keys(after=last, limit=_PAGE):
        await asyncio.gather(*[wakeups.check_key(key, not_before_ms=None) for key in keys])
        last = keys[-1]
    return woken


def _not_before(head: Head) -> int | None:
    if head.status is Status.SCHEDULED:
        return head.invoke_at_ms
    return head.retry_at_ms if head.status is Status.BACKING_OFF else None
