"""Every status against every operation that may move it; the expectations are those of the operations page, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import FENCED, Acquired, Store
from holdfast_engine.records import Failure, Head, LastFailure, Outcome, Page, Status
from tests.conformance.store.samples import (
    CANCELED,
    DEPLOYMENT,
    LEASE_MS,
    NOW_MS,
    acquire,
    awaiting_tree,
    change,
    created,
    in_status,
    new_head,
)
from tests.support import wire_frames as f

S = Status
LATER_MS = NOW_MS + 7
KILLED = Failure(code=409, message="killed")

ACQUIRED = {S.QUEUED, S.READY, S.RUNNING, S.SUSPENDED, S.BACKING_OFF}
COMMITTED = {S.QUEUED, S.RUNNING}
PAUSED = {S.QUEUED, S.READY, S.RUNNING, S.SUSPENDED, S.BACKING_OFF}
RESUMED = {S.PAUSED, S.SUSPENDED, S.BACKING_OFF}
CANCELLED = {S.SCHEDULED, S.QUEUED, S.READY}
KILLED_IN = set(S) - {S.COMPLETED}
DUE = {S.SCHEDULED}


async def unchanged(store: Store, head: Head) -> bool:
    return await store.head(head.id) == head


@pytest.mark.parametrize("status", Status)
async def test_acquire(store: Store, status: Status) -> None:
    """An acquire takes the next epoch from wherever the page allows it, and tells whether a handler may still write."""
    head = await created(store, in_status(status, is_open=status is S.PAUSED or status is S.RUNNING))
    got = await acquire(store, head, failed_attempts=4, command_retries=5, protocol_version=6, ticket=9)
    if status not in ACQUIRED:
        assert got is None
        assert await unchanged(store, head)
        return
    assert isinstance(got, Acquired)
    assert got.was_open == head.is_open
    assert got.head == await store.head(head.id)
    assert got.head == replace(
        head,
        status=S.RUNNING,
        epoch=head.epoch + 1,
        page=replace(head.page, epoch=head.epoch + 1),
        lease_until_ms=LEASE_MS + 30_000,
        is_open=True,
        awaiting=None,
        retry_at_ms=None,
        deployment_id=DEPLOYMENT,
        protocol_version=6,
        ticket=9,
        failed_attempts=4,
        command_retries=5,
        modified_ms=LEASE_MS,
    )


@pytest.mark.parametrize("status", sorted(ACQUIRED))
async def test_an_acquire_of_what_has_moved_on_is_refused(store: Store, status: Status) -> None:
    """Whoever has read another epoch or another status than there is gets nothing."""
    head = await created(store, in_status(status))
    assert await acquire(store, head, epoch=head.epoch + 1) is None
    assert await acquire(store, head, epoch=head.epoch - 1) is None
    for other in sorted(ACQUIRED - {status}):
        assert await acquire(store, head, status=other) is None
    assert await unchanged(store, head)


async def test_a_live_lease_is_respected(store: Store) -> None:
    """A running invocation is acquired when its lease is over and not a millisecond before."""
    head = await created(store, in_status(S.RUNNING))
    assert await acquire(store, head, now_ms=head.lease_until_ms - 1) is None
    assert await acquire(store, head, now_ms=head.lease_until_ms) is not None


async def test_of_two_that_acquire_one_wins(store: Store) -> None:
    """The second acquire from one and the same head is refused."""
    head = await created(store, in_status(S.SUSPENDED))
    assert await acquire(store, head) is not None
    assert await acquire(store, head) is None


ENDS: dict[Status, dict[str, Any]] = {
    S.SUSPENDED: {"awaiting": awaiting_tree()},
    S.BACKING_OFF: {
        "retry_at_ms": NOW_MS + 500,
        "failed_attempts": 3,
        "command_retries": 2,
        "is_open": True,
        "last_failure": LastFailure(code=500, message="boom", rt_code="RT0007", at_ms=NOW_MS),
    },
    S.PAUSED: {"last_failure": LastFailure(code=500, message="boom", command_name="step", at_ms=NOW_MS)},
    S.COMPLETED: {"outcome": Outcome(failure=Failure(code=500, message="boom", metadata=(("k", "v"),)))},
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("status", Status)
async def test_commit(store: Store, status: Status, end: Status) -> None:
    """An attempt ends from where one can be under way, and what it says is what is stored then."""
    head = await created(store, in_status(status))
    said = change(head, end, slot=slot_in_head(head), frames=(f.run(1),), done=1, ticket=5, **ENDS[end])
    after = await store.commit(head.id, epoch=head.epoch, change=said)
    if status not in COMMITTED:
        assert after is FENCED
        assert await unchanged(store, head)
        return
    assert isinstance(after, Head)
    assert after == await store.head(head.id)
    assert after == replace(
        head,
        status=end,
        page=replace(head.page, frames=(*head.page.frames, f.run(1))),
        modified_ms=said.modified_ms,
        lease_until_ms=0,
        is_open=said.is_open,
        done=said.done,
        ticket=5,
        awaiting=said.awaiting,
        retry_at_ms=said.retry_at_ms,
        failed_attempts=said.failed_attempts,
        command_retries=said.command_retries,
        last_failure=said.last_failure,
        outcome=said.outcome,
        completed_ms=said.modified_ms if end is S.COMPLETED else None,
    )


async def test_a_commit_of_another_epoch_is_fenced(store: Store) -> None:
    """Only the epoch that owns the invocation ends its attempt."""
    head = await created(store, new_head())
    assert await store.commit(head.id, epoch=2, change=change(head, S.SUSPENDED)) is FENCED
    assert await acquire(store, head) is not None
    assert await store.commit(head.id, epoch=1, change=change(head, S.SUSPENDED)) is FENCED


async def test_a_commit_of_frames_at_another_place_is_fenced(store: Store) -> None:
    """A commit whose frames do not fit behind the journal stores nothing at all."""
    head = await created(store, new_head())
    first = slot_in_head(head)
    assert await store.append(head.id, slot=first, epoch=1, frames=(f.run(1),), taken=()) is not FENCED
    before = await store.head(head.id)
    end = change(head, S.COMPLETED, slot=first, frames=(f.output(),), outcome_index=1)
    assert await store.commit(head.id, epoch=1, change=end) is FENCED
    assert await store.head(head.id) == before


async def test_a_commit_without_frames_is_about_the_status_alone(store: Store) -> None:
    """When later pages hold the frames, the commit does not care where the journal ends."""
    head = await created(store, new_head())
    first = slot_in_head(head)
    assert await store.append(head.id, slot=first, epoch=1, frames=(f.output(),), taken=()) is not FENCED
    after = await store.commit(head.id, epoch=1, change=change(head, S.COMPLETED, slot=first, outcome_index=1))
    assert isinstance(after, Head)
    assert (after.status, after.outcome, after.outcome_index) == (S.COMPLETED, None, 1)


@pytest.mark.parametrize("status", Status)
async def test_renew(store: Store, status: Status) -> None:
    """A lease is extended by the epoch that has it, and ends with the attempt."""
    head = await created(store, in_status(status))
    for epoch in (head.epoch - 1, head.epoch + 1):
        assert not await store.renew(head.id, epoch=epoch, lease_until_ms=LEASE_MS + 60_000)
    renewed = await store.renew(head.id, epoch=head.epoch, lease_until_ms=LEASE_MS + 60_000)
    assert renewed == (status in COMMITTED)
    if renewed:
        assert await store.head(head.id) == replace(head, lease_until_ms=LEASE_MS + 60_000)
    else:
        assert await unchanged(store, head)


@pytest.mark.parametrize("status", Status)
async def test_pause(store: Store, status: Status) -> None:
    """A pause stops what has started and not ended, and raises the epoch so that the attempt is fenced."""
    head = await created(store, in_status(status))
    after = await store.pause(head.id, now_ms=LATER_MS)
    assert (after is not None) == (status in PAUSED)
    if after is None:
        assert await unchanged(store, head)
        return
    assert after == await store.head(head.id)
    assert (after.status, after.epoch, after.page.epoch) == (S.PAUSED, head.epoch + 1, head.epoch + 1)
    assert after.is_open
    slot = slot_in_head(head)
    assert await store.append(head.id, slot=slot, epoch=head.epoch, frames=(f.run(1),), taken=()) is FENCED
    assert await store.commit(head.id, epoch=head.epoch, change=change(head, S.SUSPENDED)) is FENCED


async def test_an_attempt_pauses_only_itself(store: Store) -> None:
    """A pause of an epoch that is over changes nothing; one of the epoch that is stops it."""
    head = await created(store, in_status(S.RUNNING))
    for epoch in (head.epoch - 1, head.epoch + 1):
        assert await store.pause(head.id, now_ms=LATER_MS, epoch=epoch) is None
        assert await unchanged(store, head)
    after = await store.pause(head.id, now_ms=LATER_MS, epoch=head.epoch)
    assert after is not None
    assert (after.status, after.epoch) == (S.PAUSED, head.epoch + 1)


@pytest.mark.parametrize("status", Status)
async def test_resume(store: Store, status: Status) -> None:
    """A resume makes ready what rests, with all counters at zero, and perhaps on another deployment."""
    other = DEPLOYMENT[:-1] + "0"
    for deployment_id in (None, other):
        head = await created(store, in_status(status, failed_attempts=3, command_retries=2))
        after = await store.resume(head.id, now_ms=LATER_MS, deployment_id=deployment_id)
        assert (after is not None) == (status in RESUMED)
        if after is None:
            assert await unchanged(store, head)
            continue
        assert after == await store.head(head.id)
        assert (after.status, after.epoch, after.modified_ms) == (S.READY, head.epoch, LATER_MS)
        assert (after.failed_attempts, after.command_retries, after.retry_at_ms) == (0, 0, None)
        assert after.deployment_id == (deployment_id or head.deployment_id)


@pytest.mark.parametrize("status", Status)
async def test_kill(store: Store, status: Status) -> None:
    """A kill ends whatever has not ended, fences its attempt, and says that a handler may still be running."""
    head = await created(store, in_status(status))
    after = await store.kill(head.id, failure=KILLED, now_ms=LATER_MS)
    assert (after is not None) == (status in KILLED_IN)
    if after is None:
        assert await unchanged(store, head)
        return
    assert after == await store.head(head.id)
    assert (after.status, after.epoch) == (S.COMPLETED, head.epoch + 1)
    assert (after.outcome, after.completed_ms) == (Outcome(failure=KILLED), LATER_MS)
    assert after.is_killed
    assert after.is_open
    assert after.awaiting is None
    slot = slot_in_head(head)
    assert await store.append(head.id, slot=slot, epoch=head.epoch, frames=(f.run(1),), taken=()) is FENCED
    assert await store.commit(head.id, epoch=head.epoch, change=change(head, S.SUSPENDED)) is FENCED
    assert await store.kill(head.id, failure=KILLED, now_ms=LATER_MS) is None


@pytest.mark.parametrize("status", Status)
async def test_cancel_unstarted(store: Store, status: Status) -> None:
    """What has done nothing yet ends by a cancellation, and an attempt that had just begun is fenced."""
    head = await created(store, in_status(status))
    after = await store.cancel_unstarted(head.id, failure=CANCELED, now_ms=LATER_MS)
    assert (after is not None) == (status in CANCELLED)
    if after is None:
        assert await unchanged(store, head)
        return
    assert after == await store.head(head.id)
    assert (after.status, after.epoch) == (S.COMPLETED, head.epoch + 1)
    assert (after.outcome, after.completed_ms) == (Outcome(failure=CANCELED), LATER_MS)
    assert not after.is_killed
    assert await store.commit(head.id, epoch=head.epoch, change=change(head, S.SUSPENDED)) is FENCED


STEP = (f.input_(), f.run(1))
STARTED: dict[str, dict[str, Any]] = {
    "a second epoch": {"epoch": 2, "page": Page(epoch=2, base=0, frames=(f.input_(),))},
    "an entry": {"page": Page(epoch=1, base=0, frames=STEP)},
    # With its first page full of Input, entries of an attempt would stand on the next.
    "a full page": {"page": Page(epoch=1, base=0, frames=(f.input_(),), closed=True)},
}


@pytest.mark.parametrize("sign", STARTED)
async def test_what_may_have_started_is_not_cancelled_so(store: Store, sign: str) -> None:
    """A queued invocation that may have done a step keeps it: it gets the signal instead."""
    head = await created(store, in_status(S.QUEUED, **STARTED[sign]))
    assert await store.cancel_unstarted(head.id, failure=CANCELED, now_ms=LATER_MS) is None
    assert await unchanged(store, head)


@pytest.mark.parametrize("status", [S.SCHEDULED, S.QUEUED])
async def test_a_large_input_that_never_ran_is_cancelled(store: Store, status: Status) -> None:
    """An invocation that has had no epoch yet has done nothing, however full its first page is."""
    page = Page(epoch=0, base=0, frames=(f.input_(b"x" * 2000),), closed=True)
    head = await created(store, in_status(status, epoch=0, page=page))
    assert await store.cancel_unstarted(head.id, failure=CANCELED, now_ms=LATER_MS) is not None


@pytest.mark.parametrize("to", [S.READY, S.QUEUED])
@pytest.mark.parametrize("status", Status)
async def test_due(store: Store, status: Status, to: Status) -> None:
    """What is scheduled becomes ready or queued, once; nothing else is moved."""
    head = await created(store, in_status(status))
    after = await store.due(head.id, status=to, now_ms=LATER_MS)
    assert (after is not None) == (status in DUE)
    if after is None:
        assert await unchanged(store, head)
        return
    assert after == await store.head(head.id) == replace(head, status=to, modified_ms=LATER_MS)
    assert await store.due(head.id, status=to, now_ms=LATER_MS) is None
