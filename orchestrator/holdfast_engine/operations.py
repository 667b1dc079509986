"""The store's conditional writes on journals as pure functions of one item: condition, update, answer.

This is their specification. A store that is the only writer of its items executes them (the embedded one); a store
that is not states the same as condition and update expressions, and the conformance suite holds the two together.
Each returns the item as it becomes, or None when the condition does not hold.
"""

from __future__ import annotations

from holdfast_engine.lifecycle import Event, allows
from holdfast_engine.pages import extended
from holdfast_engine.ports import Change
from holdfast_engine.records import Failure, Head, Kept, Outcome, Page, Sink, Slot, Status
from holdfast_engine.replacing import replace


def acquire(
    head: Head,
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
) -> Head | None:
    """Start an epoch."""
    if head.epoch != epoch or head.status is not status or not allows(status, Event.ACQUIRE):
        return None
    if status is Status.RUNNING and head.lease_until_ms > now_ms:
        return None
    return replace(
        head,
        status=Status.RUNNING,
        epoch=epoch + 1,
        lease_until_ms=lease_until_ms,
        is_open=True,
        awaiting=None,
        retry_at_ms=None,
        deployment_id=deployment_id,
        protocol_version=protocol_version,
        ticket=ticket,
        failed_attempts=failed_attempts,
        command_retries=command_retries,
        modified_ms=now_ms,
        page=replace(head.page, epoch=epoch + 1),
    )


def renew(head: Head, *, epoch: int, lease_until_ms: int) -> Head | None:
    """Extend a lease."""
    if head.epoch != epoch or head.status not in (Status.RUNNING, Status.QUEUED):
        return None
    return replace(head, lease_until_ms=lease_until_ms)


def append_to_head(
    head: Head, *, slot: Slot, epoch: int, frames: tuple[bytes, ...], taken: tuple[str, ...]
) -> Head | None:
    """Append to page 0."""
    if head.epoch != epoch or head.page.count != slot.count or head.page.closed or head.status is Status.COMPLETED:
        return None
    return replace(head, page=extended(head.page, frames, taken, slot=slot, epoch=epoch))


def append_to_page(
    page: Page | None, *, slot: Slot, epoch: int, frames: tuple[bytes, ...], taken: tuple[str, ...]
) -> Page | None:
    """Append to a later page, or begin it."""
    if page is None:
        if slot.count != 0:
            return None
        page = Page(epoch=epoch, base=slot.base, frames=())
    elif page.count != slot.count or page.epoch > epoch or page.closed:
        return None
    return extended(page, frames, taken, slot=slot, epoch=epoch)


def claim_slot(page: Page | None, *, base: int, epoch: int) -> Page | None:
    """Raise an open page's epoch, or make the page: from now on no older epoch can append here."""
    if page is None:
        return Page(epoch=epoch, base=base, frames=())
    if page.closed or page.epoch > epoch:
        return None
    return replace(page, epoch=epoch)


def commit(head: Head, *, epoch: int, change: Change) -> Head | None:
    """End an attempt."""
    if head.epoch != epoch or head.status not in (Status.RUNNING, Status.QUEUED):
        return None
    page = head.page
    if change.frames:
        slot = change.slot
        if slot is None or slot.page != 0 or page.closed or page.count != slot.count:
            return None
        page = extended(page, change.frames, change.taken, slot=slot, epoch=epoch)
    is_completed = change.status is Status.COMPLETED
    return replace(
        head,
        page=page,
        status=change.status,
        modified_ms=change.modified_ms,
        lease_until_ms=0,
        is_open=change.is_open,
        done=change.done,
        ticket=change.ticket,
        awaiting=change.awaiting,
        retry_at_ms=change.retry_at_ms,
        failed_attempts=change.failed_attempts,
        command_retries=change.command_retries,
        last_failure=change.last_failure,
        last_entry_ms=change.last_entry_ms,
        outcome=change.outcome,
        outcome_index=change.outcome_index,
        completed_ms=change.modified_ms if is_completed else None,
    )


def cancel_unstarted(head: Head, *, failure: Failure, now_ms: int) -> Head | None:
    """End an invocation whose journal is only its Input: no step is lost, and an attempt of epoch 1 is fenced."""
    # Of a large Input page 0 is full from the start: then steps, if there were an attempt, would be on later pages.
    started = head.attempts > 1 or head.page.count > 1 or (head.attempts == 1 and head.page.closed)
    if started or not allows(head.status, Event.CANCEL):
        return None
    return _ended(head, failure, now_ms)


def kill(head: Head, *, failure: Failure, now_ms: int) -> Head | None:
    """End an invocation whatever it does."""
    if not allows(head.status, Event.KILL):
        return None
    return replace(_ended(head, failure, now_ms), is_open=True, is_killed=True)


def pause(head: Head, *, now_ms: int, epoch: int | None = None) -> Head | None:
    """Stop an invocation, in that epoch or in any; the attempt under way is fenced by the raised epoch."""
    if not allows(head.status, Event.PAUSE) or (epoch is not None and head.epoch != epoch):
        return None
    return replace(
        head,
        status=Status.PAUSED,
        epoch=head.epoch + 1,
        page=replace(head.page, epoch=head.epoch + 1),
        is_open=True,
        modified_ms=now_ms,
    )


def resume(head: Head, *, now_ms: int, deployment_id: str | None) -> Head | None:
    """Make an invocation ready, with its retry budget anew."""
    if not allows(head.status, Event.RESUME):
        return None
    return replace(
        head,
        status=Status.READY,
        failed_attempts=0,
        command_retries=0,
        retry_at_ms=None,
        deployment_id=deployment_id or head.deployment_id,
        modified_ms=now_ms,
    )


def strip(head: Head, *, nonce: str, kept: Kept, output: bytes | None) -> Head | None:
    """Let go of what a completed invocation no longer has to keep.

    `output` is the stored frame that its outcome is in; None when the head says the outcome, or need not know it.
    """
    if head.nonce != nonce or head.status is not Status.COMPLETED or not is_less(kept, head.kept):
        return None
    page = Page(epoch=head.epoch, base=0, frames=() if output is None else (output,))
    index = None if output is None else 0
    if kept is Kept.OUTCOME:
        return replace(head, page=page, kept=kept, outcome_index=index)
    return replace(head, page=page, kept=kept, outcome_index=index, outcome=None, last_failure=None, sinks=())


def following(head: Head, predecessor: Head) -> Head:
    """Return a head that is about to be created with epochs above those of who has had its id before.

    Of the predecessor somebody may stand still with any epoch up to its last in hand, that of its end included. The
    one in between is what a head has before its first attempt: nobody has ever had that.
    """
    first_epoch = predecessor.epoch + 2
    epoch = first_epoch - 1 + head.attempts
    return replace(head, first_epoch=first_epoch, epoch=epoch, page=replace(head.page, epoch=epoch))


def succeed(predecessor: Head | None, *, head: Head, nonce: str) -> Head | None:
    """Put a head in the place of the completed one of that nonce."""
    if predecessor is None or predecessor.nonce != nonce or predecessor.status is not Status.COMPLETED:
        return None
    return head


def is_less(kept: Kept, than: Kept) -> bool:
    """Return whether less is kept."""
    order = tuple(Kept)
    return order.index(kept) > order.index(than)


def due(head: Head, *, status: Status, now_ms: int) -> Head | None:
    """Move a scheduled invocation on."""
    if not allows(head.status, Event.DUE):
        return None
    return replace(head, status=status, modified_ms=now_ms)


def _ended(head: Head, failure: Failure, now_ms: int) -> Head:
    return replace(
        head,
        status=Status.COMPLETED,
        epoch=head.epoch + 1,
        page=replace(head.page, epoch=head.epoch + 1),
        awaiting=None,
        retry_at_ms=None,
        outcome=Outcome(failure=failure),
        outcome_index=None,
        modified_ms=now_ms,
        completed_ms=now_ms,
    )


def attach(head: Head, sink: Sink) -> Head | None:
    """Add a sink; the same one twice is one."""
    if head.status is Status.COMPLETED:
        return None
    return head if sink in head.sinks else replace(head, sinks=(*head.sinks, sink))
