"""What people, callers and the clock do to an invocation: end it, stop it, let it go on, start it."""

from __future__ import annotations

from collections.abc import Callable

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from holdfast_aws.dynamo import Refused
from holdfast_aws.heads import OPEN_PAGE, HeadStore, expiring, head_before, refused_head
from holdfast_aws.models import HeadItem as H
from holdfast_engine import operations
from holdfast_engine.lifecycle import Event, allows
from holdfast_engine.records import Failure, Head, Outcome, Status


def _allowing(event: Event) -> Condition:
    return H.status.is_in(*[status for status in Status if allows(status, event)])


# Most heads do not say their first epoch: it is 1.
_COUNTS_FROM_ONE = H.first_epoch.does_not_exist() & ((H.epoch <= 0) | ((H.epoch == 1) & OPEN_PAGE))
_UNSTARTED = _COUNTS_FROM_ONE | (H.epoch < H.first_epoch) | ((H.epoch == H.first_epoch) & OPEN_PAGE)
_CANCELLABLE = _allowing(Event.CANCEL) & _UNSTARTED & (H.entry_count <= 1)
_KILLABLE = _allowing(Event.KILL)
_PAUSABLE = _allowing(Event.PAUSE)
_RESUMABLE = _allowing(Event.RESUME)
_SCHEDULED = _allowing(Event.DUE)


class InterventionStore(HeadStore):
    """The rows of the lifecycle table that no attempt writes."""

    async def cancel_unstarted(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        """End an invocation that has done nothing yet; None when it has, or has ended."""
        return await self._change(
            invocation_id,
            _ending(failure, now_ms),
            _CANCELLABLE,
            lambda head: operations.cancel_unstarted(head, failure=failure, now_ms=now_ms),
            lambda head: head.outcome == Outcome(failure=failure) and head.completed_ms == now_ms,
        )

    async def kill(self, invocation_id: str, *, failure: Failure, now_ms: int) -> Head | None:
        """End an invocation whatever it does; None when it had ended."""
        return await self._change(
            invocation_id,
            [*_ending(failure, now_ms), H.is_open.set(True), H.is_killed.set(True)],
            _KILLABLE,
            lambda head: operations.kill(head, failure=failure, now_ms=now_ms),
            lambda head: head.is_killed and head.completed_ms == now_ms,
        )

    async def pause(self, invocation_id: str, *, now_ms: int, epoch: int | None = None) -> Head | None:
        """Stop an invocation that has started, in that epoch or in any; its attempt is fenced."""
        actions: list[Action] = [
            H.status.set(Status.PAUSED),
            H.epoch.set(H.epoch + 1),
            H.is_open.set(True),
            H.modified_ms.set(now_ms),
        ]
        return await self._change(
            invocation_id,
            actions,
            _PAUSABLE if epoch is None else _PAUSABLE & (H.epoch == epoch),
            lambda head: operations.pause(head, now_ms=now_ms, epoch=epoch),
            lambda head: head.status is Status.PAUSED and head.modified_ms == now_ms,
        )

    async def resume(self, invocation_id: str, *, now_ms: int, deployment_id: str | None) -> Head | None:
        """Make a paused, suspended or backing-off invocation ready; None when its status does not allow it."""
        actions: list[Action] = [
            H.status.set(Status.READY),
            H.failed_attempts.remove(),
            H.command_retries.remove(),
            H.retry_at_ms.remove(),
            H.modified_ms.set(now_ms),
        ]
        if deployment_id is not None:
            actions.append(H.deployment_id.set(deployment_id))
        return await self._change(
            invocation_id,
            actions,
            _RESUMABLE,
            lambda head: operations.resume(head, now_ms=now_ms, deployment_id=deployment_id),
            lambda head: head.status is Status.READY and head.modified_ms == now_ms,
        )

    async def due(self, invocation_id: str, *, status: Status, now_ms: int) -> Head | None:
        """Move a scheduled invocation on, to ready or queued."""
        return await self._change(
            invocation_id,
            [H.status.set(status), H.modified_ms.set(now_ms)],
            _SCHEDULED,
            lambda head: operations.due(head, status=status, now_ms=now_ms),
            lambda head: head.status is status and head.modified_ms == now_ms,
        )

    async def _change(
        self,
        invocation_id: str,
        actions: list[Action],
        condition: Condition,
        operation: Callable[[Head], Head | None],
        is_mine: Callable[[Head], bool],
    ) -> Head | None:
        """Write; return the head as it became, or None; `is_mine` recognises a write whose answer was lost."""
        result = await self._update_head(invocation_id, actions, condition)
        if isinstance(result, Refused):
            stored = refused_head(result)
            return stored if stored is not None and result.is_repeat and is_mine(stored) else None
        after = operation(head_before(result))
        assert after is not None, f"the item of {invocation_id} allowed what its head did not"
        return after


def _ending(failure: Failure, now_ms: int) -> list[Action]:
    """Return the actions that end an invocation from outside."""
    return [
        H.status.set(Status.COMPLETED),
        H.epoch.set(H.epoch + 1),
        H.awaiting.remove(),
        H.retry_at_ms.remove(),
        H.outcome.set(Outcome(failure=failure)),
        H.outcome_index.remove(),
        H.modified_ms.set(now_ms),
        expiring(now_ms),
    ]
