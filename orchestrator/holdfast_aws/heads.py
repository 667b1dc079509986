"""The conditional writes on heads: each says in expressions what `holdfast_engine.operations` says in Python.

What an update answers is the item as it was; the pure function then tells what it became. So there is one account of
what an operation does, and the expressions here must agree with it: the conformance suite sees to that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdfast_aws.dynamo import Refused, Written
from holdfast_aws.items import head_item, head_of, seconds_up, unless
from holdfast_aws.models import HeadItem as H
from holdfast_aws.part import Part, extended, put
from holdfast_engine import operations
from holdfast_engine.lifecycle import Event, allows
from holdfast_engine.pages import closes
from holdfast_engine.ports import FENCED, Acquired, Change, Fenced
from holdfast_engine.records import Head, Sink, Slot, Status
from holdfast_protocol.items import HEAD_SORT

_ACQUIRER_BYTES = 4
_OWNED = H.status.is_in(Status.RUNNING, Status.QUEUED)
OPEN_PAGE = H.closed.does_not_exist()


_NOT_ENDED = H.status.is_in(*[status for status in Status if status is not Status.COMPLETED])


def appending(slot: Slot, frames: Sequence[bytes], taken: Sequence[str]) -> list[Action]:
    """Return the actions that put frames behind those of page 0."""
    actions: list[Action] = [H.frames.set(H.frames.append(list(frames))), H.entry_count.set(slot.count + len(frames))]
    if closes(slot, tuple(frames), tuple(taken)):
        actions.append(H.closed.set(True))
    if taken:
        actions.append(extended(H.taken, taken))
    return actions


def at_slot(slot: Slot) -> Condition:
    """Return the condition that page 0 is open and holds as many entries as the slot says."""
    condition: Condition = (H.entry_count == slot.count) & OPEN_PAGE
    return condition


class HeadStore(Part):
    """Creating invocations, and what their attempts write to heads."""

    async def create(self, head: Head) -> Head | None:
        """Put the head if there is none; return None, or the head that was there."""
        await self.services.note([head.target.service])
        result = await self.dynamo.put(head_item(self.models.head, head), H.id.does_not_exist())
        if isinstance(result, Written):
            self._lives.see(head)
            return None
        present = refused_head(result)
        assert present is not None, f"{head.id} was refused for a head that does not exist"
        self._lives.see(present)
        return None if result.is_repeat and present.nonce == head.nonce else present

    async def _replace(self, head: Head, *, nonce: str) -> bool:
        """Put the head in the place of the completed one of that nonce."""
        is_it = (H.nonce == nonce) & (H.status == Status.COMPLETED)
        result = await self.dynamo.put(head_item(self.models.head, head), is_it)
        if isinstance(result, Refused):
            present = refused_head(result)
            if present is None or not result.is_repeat or present.nonce != head.nonce:
                return False
        self._lives.see(head)
        return True

    async def head(self, invocation_id: str) -> Head | None:
        """Return the head."""
        raw = await self.dynamo.get(self.models.head, invocation_id, HEAD_SORT)
        if raw is None:
            return None
        head = head_of(raw)
        self._lives.see(head)
        return head

    async def acquire(
        self,
        invocation_id: str,
        *,
        epoch: int,
        status: Status,
        now_ms: int,
        lease_until_ms: int,
        deployment_id: str | None,
        protocol_version: int | None,
        ticket: int | None,
        failed_attempts: int,
        command_retries: int,
    ) -> Acquired | None:
        """Start an epoch: from `epoch` and `status` as they were read; a running one only when its lease is over."""
        if not allows(status, Event.ACQUIRE):
            return None
        condition = (H.epoch == epoch) & (H.status == status)
        if status is Status.RUNNING:
            condition &= H.lease_until_ms.does_not_exist() | (H.lease_until_ms <= now_ms)
        mark = os.urandom(_ACQUIRER_BYTES)
        actions = [
            H.status.set(Status.RUNNING),
            H.epoch.set(epoch + 1),
            put(H.lease_until_ms, unless(lease_until_ms, 0)),
            H.acquirer.set(mark),
            H.is_open.set(True),
            H.modified_ms.set(now_ms),
            put(H.deployment_id, deployment_id),
            put(H.protocol_version, protocol_version),
            put(H.ticket, ticket),
            put(H.failed_attempts, unless(failed_attempts, 0)),
            put(H.command_retries, unless(command_retries, 0)),
            H.awaiting.remove(),
            H.retry_at_ms.remove(),
        ]
        result = await self._update_head(invocation_id, actions, condition)
        if isinstance(result, Refused):
            return _own_acquire(result, mark)
        before = head_before(result)
        after = operations.acquire(
            before,
            epoch=epoch,
            status=status,
            now_ms=now_ms,
            lease_until_ms=lease_until_ms,
            deployment_id=deployment_id,
            protocol_version=protocol_version,
            ticket=ticket,
            failed_attempts=failed_attempts,
            command_retries=command_retries,
        )
        assert after is not None, f"the item of {invocation_id} allowed what its head did not"
        return Acquired(head=after, was_open=before.is_open)

    async def renew(self, invocation_id: str, *, epoch: int, lease_until_ms: int) -> bool:
        """Extend the lease of a running epoch."""
        actions = [put(H.lease_until_ms, unless(lease_until_ms, 0))]
        # Repeated, it holds again and writes the same.
        result = await self._update_head(invocation_id, actions, (H.epoch == epoch) & _OWNED)
        return isinstance(result, Written)

    async def commit(self, invocation_id: str, *, epoch: int, change: Change) -> Head | Fenced:
        """End an attempt; return the head as it is now, so that no sink is missed."""
        condition = (H.epoch == epoch) & _OWNED
        actions = _changes(change)
        if change.frames:
            if change.slot is None or change.slot.page != 0:
                return FENCED
            condition &= at_slot(change.slot)
            actions += appending(change.slot, change.frames, change.taken)
        result = await self._update_head(invocation_id, actions, condition)
        if isinstance(result, Refused):
            stored = refused_head(result)
            return stored if stored is not None and result.is_repeat and _is_of(stored, epoch, change) else FENCED
        after = operations.commit(head_before(result), epoch=epoch, change=change)
        assert after is not None, f"the item of {invocation_id} allowed what its head did not"
        return after

    async def attach(self, invocation_id: str, sink: Sink) -> Head | None:
        """Add a sink; None when added, else the completed head. The head must exist."""
        actions: list[Action] = [extended(H.sinks, [sink])]
        result = await self._update_head(invocation_id, actions, _NOT_ENDED & ~H.sinks.contains(sink))
        if isinstance(result, Written):
            return None
        present = refused_head(result)
        assert present is not None, f"{invocation_id} was written to and does not exist"
        return present if present.status is Status.COMPLETED else None

    async def _update_head(self, invocation_id: str, actions: list[Action], condition: Condition) -> Written | Refused:
        return await self.dynamo.update(self.models.head(id=invocation_id), actions, condition, returns="ALL_OLD")


def _changes(change: Change) -> list[Action]:
    """Return the actions that write what `commit` changes, but for the frames."""
    actions = [
        H.status.set(change.status),
        H.modified_ms.set(change.modified_ms),
        H.lease_until_ms.remove(),
        H.acquirer.remove(),
        put(H.is_open, unless(change.is_open, False)),
        put(H.done, unless(change.done, 1)),
        put(H.ticket, change.ticket),
        put(H.awaiting, change.awaiting),
        put(H.retry_at_ms, change.retry_at_ms),
        put(H.failed_attempts, unless(change.failed_attempts, 0)),
        put(H.command_retries, unless(change.command_retries, 0)),
        H.last_entry_ms.set(change.last_entry_ms),
        put(H.last_failure, change.last_failure),
        put(H.outcome, change.outcome),
        put(H.outcome_index, change.outcome_index),
    ]
    if change.status is Status.COMPLETED:
        actions.append(expiring(change.modified_ms))
    return actions


def expiring(now_ms: int) -> Action:
    """Return the action that lets a head that ends now expire when its retention is over."""
    return H.expires_s.set(H.retention_s + seconds_up(now_ms))


def _own_acquire(refused: Refused, mark: bytes) -> Acquired | None:
    """Return what an acquire did whose answer was lost; whether a handler was open before is lost with it."""
    if refused.item is None or not refused.is_repeat or refused.item.get("W") != {"B": mark}:
        return None
    return Acquired(head=head_of(refused.item), was_open=True)


def _is_of(stored: Head, epoch: int, change: Change) -> bool:
    """Return whether a head is as a commit left it: none but the epoch's owner writes these together."""
    return (
        stored.epoch == epoch
        and stored.status is change.status
        and stored.modified_ms == change.modified_ms
        and stored.done == change.done
        and stored.awaiting == change.awaiting
        and stored.outcome_index == change.outcome_index
    )


def head_before(written: Written) -> Head:
    """Return the head as it was before an update."""
    assert written.before is not None
    return head_of(written.before)


def refused_head(refused: Refused) -> Head | None:
    """Return the head that refused a write, if there is one."""
    return head_of(refused.item) if refused.item else None
