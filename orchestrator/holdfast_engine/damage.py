"""Parking an invocation whose journal is no longer whole: it must neither go on from a part of it nor begin anew."""

from __future__ import annotations

import logging

from holdfast_engine.errors import JournalDamaged
from holdfast_engine.ports import Change
from holdfast_engine.records import Head, LastFailure, Status
from holdfast_engine.world import World

_LOG = logging.getLogger("holdfast")

_AT_REST = frozenset({Status.COMPLETED, Status.PAUSED})
_OWNED = frozenset({Status.RUNNING, Status.QUEUED})


async def park(world: World, damage: JournalDamaged) -> bool:
    """Pause an invocation with the reason; False when somebody else changed it meanwhile.

    Whoever still runs it has read its journal while it was whole, and is fenced here like by any pause. Resumed, it is
    loaded again, found damaged again, and paused again.
    """
    head = await world.store.head(damage.invocation_id)
    if head is None or head.status in _AT_REST:
        return True
    _LOG.error("%s is paused: %s", head.id, damage)
    owned = head if head.status in _OWNED else await _acquired(world, head)
    if owned is None:
        return False
    change = _paused(owned, damage, now_ms=world.clock.now_ms(), text_max=world.settings.failure_text_max)
    return isinstance(await world.store.commit(owned.id, epoch=owned.epoch, change=change), Head)


async def _acquired(world: World, head: Head) -> Head | None:
    now = world.clock.now_ms()
    acquired = await world.store.acquire(
        head.id,
        epoch=head.epoch,
        status=head.status,
        now_ms=now,
        lease_until_ms=now + world.settings.lease_ms,
        deployment_id=head.deployment_id,
        protocol_version=head.protocol_version,
        ticket=head.ticket,
        failed_attempts=head.failed_attempts,
        command_retries=head.command_retries,
    )
    return acquired.head if acquired is not None else None


def _paused(head: Head, damage: JournalDamaged, *, now_ms: int, text_max: int) -> Change:
    failure = LastFailure(code=500, message=str(damage)[:text_max], rt_code=damage.code, at_ms=now_ms)
    return Change(
        status=Status.PAUSED,
        modified_ms=now_ms,
        is_open=True,
        done=head.done,
        ticket=head.ticket,
        awaiting=None,
        retry_at_ms=None,
        failed_attempts=0,
        command_retries=head.command_retries,
        last_entry_ms=head.last_entry_ms,
        last_failure=failure,
        outcome=None,
        outcome_index=None,
        frames=(),
        taken=(),
        slot=None,
    )
