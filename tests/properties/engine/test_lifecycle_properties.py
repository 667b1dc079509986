"""The lifecycle table and the store's operations say the same, for every status and every event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine import operations
from holdfast_engine.lifecycle import LIFECYCLE, Event, allows, diagram
from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import Change
from holdfast_engine.records import Failure, Head, Page, Status
from tests.properties.engine import strategies as own
from tests.support import wire_frames as f

FAILURE = Failure(code=409, message="ended")

heads = st.builds(
    lambda status, epoch, entries, closed, lease_until_ms, is_open: own.head(
        status=status,
        epoch=epoch,
        page=Page(epoch=epoch, base=0, frames=(f.input_(), *[f.run(n + 1) for n in range(entries)]), closed=closed),
        lease_until_ms=lease_until_ms,
        is_open=is_open,
        failed_attempts=3,
        command_retries=2,
    ),
    st.sampled_from(Status),
    st.integers(0, 4),
    st.integers(0, 2),
    st.booleans(),
    own.times_ms,
    st.booleans(),
)


def _acquire(head: Head) -> Head | None:
    return operations.acquire(
        head,
        epoch=head.epoch,
        status=head.status,
        # A live lease is another reason to refuse, and has a test of its own.
        now_ms=own.NOW_MS + 100,
        lease_until_ms=own.NOW_MS + 200,
        deployment_id="dp",
        protocol_version=7,
        ticket=None,
        failed_attempts=0,
        command_retries=0,
    )


def _change(status: Status) -> Change:
    return Change(
        status=status,
        modified_ms=own.NOW_MS,
        is_open=False,
        done=1,
        ticket=None,
        awaiting=None,
        retry_at_ms=None,
        failed_attempts=0,
        command_retries=0,
        last_entry_ms=0,
        last_failure=None,
        outcome=None,
        outcome_index=None,
        frames=(),
        taken=(),
        slot=None,
    )


def _commit(status: Status) -> Callable[[Head], Head | None]:
    return lambda head: operations.commit(head, epoch=head.epoch, change=_change(status))


def _due(head: Head) -> Head | None:
    status = Status.QUEUED if head.kind.holds_key else Status.READY
    return operations.due(head, status=status, now_ms=own.NOW_MS)


OPERATIONS: dict[Event, Callable[[Head], Head | None]] = {
    Event.ACQUIRE: _acquire,
    Event.SUSPEND: _commit(Status.SUSPENDED),
    Event.RETRY: _commit(Status.BACKING_OFF),
    Event.END: _commit(Status.COMPLETED),
    Event.PAUSE: lambda head: operations.pause(head, now_ms=own.NOW_MS),
    Event.RESUME: lambda head: operations.resume(head, now_ms=own.NOW_MS, deployment_id=None),
    Event.CANCEL: lambda head: operations.cancel_unstarted(head, failure=FAILURE, now_ms=own.NOW_MS),
    Event.KILL: lambda head: operations.kill(head, failure=FAILURE, now_ms=own.NOW_MS),
    Event.DUE: _due,
    Event.WAIT: _commit(Status.READY),
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("status", Status)
@given(head=heads)
def test_an_operation_applies_where_the_table_has_a_row(head: Head, status: Status, event: Event) -> None:
    """An event moves an invocation exactly where it has a row, and to a status of that row."""
    head = replace(head, status=status)
    if event is Event.CANCEL and status is not Status.SCHEDULED:
        # What may have done a step is not cancelled by an event, in whatever status.
        head = replace(head, epoch=1, page=replace(head.page, frames=head.page.frames[:1], closed=False))
    elif event is Event.CANCEL:
        head = replace(head, epoch=0, page=replace(head.page, frames=head.page.frames[:1]))
    after = OPERATIONS[event](head)
    assert (after is not None) == allows(status, event)
    if after is not None:
        assert after.status in LIFECYCLE[status][event]


@given(heads, st.sampled_from(Event))
def test_epochs_never_go_back(head: Head, event: Event) -> None:
    """An operation leaves the epoch or raises it by one, and page 0 goes with it."""
    after = OPERATIONS[event](head)
    if after is not None:
        assert after.epoch in (head.epoch, head.epoch + 1)
        if after.epoch != head.epoch:
            assert after.page.epoch == after.epoch


@given(heads, st.sampled_from(Event))
def test_entries_are_never_lost(head: Head, event: Event) -> None:
    """No event changes what is in the journal (J1), nor what the invocation is."""
    after = OPERATIONS[event](head)
    if after is not None:
        assert after.page.frames[: head.page.count] == head.page.frames
        for name in ("id", "target", "kind", "nonce", "created_ms", "caller", "sinks", "idempotency_key"):
            assert getattr(after, name) == getattr(head, name)


@given(heads, st.sampled_from(Event))
def test_an_outcome_never_changes(head: Head, event: Event) -> None:
    """Of what has completed nothing moves any more (O1)."""
    assert OPERATIONS[event](replace(head, status=Status.COMPLETED)) is None


@given(heads)
def test_an_older_epoch_is_refused(head: Head) -> None:
    """After an acquire, whoever presents the epoch before it neither renews nor ends the attempt nor appends."""
    after = _acquire(head)
    if after is not None:
        slot = slot_in_head(after)
        assert operations.renew(after, epoch=head.epoch, lease_until_ms=1) is None
        assert operations.commit(after, epoch=head.epoch, change=_change(Status.SUSPENDED)) is None
        frames = (f.run(9),)
        assert operations.append_to_head(after, slot=slot, epoch=head.epoch, frames=frames, taken=()) is None


@given(heads, own.times_ms)
def test_a_live_lease_is_respected(head: Head, now_ms: int) -> None:
    """A running invocation is taken over exactly when its lease is over."""
    head = replace(head, status=Status.RUNNING)
    after = operations.acquire(
        head,
        epoch=head.epoch,
        status=Status.RUNNING,
        now_ms=now_ms,
        lease_until_ms=now_ms + 1,
        deployment_id=None,
        protocol_version=None,
        ticket=None,
        failed_attempts=0,
        command_retries=0,
    )
    assert (after is not None) == (head.lease_until_ms <= now_ms)


def test_the_table_is_complete() -> None:
    """Every status has its rows, every row leads somewhere, and the end leads nowhere."""
    assert set(LIFECYCLE) == set(Status)
    assert LIFECYCLE[Status.COMPLETED] == {}
    for rows in LIFECYCLE.values():
        assert all(targets for targets in rows.values())


def test_every_status_can_reach_the_end() -> None:
    """From wherever an invocation stands there is a way to completed, without an operator's help but for paused."""
    reached = {Status.COMPLETED}
    while True:
        more = {
            status
            for status, rows in LIFECYCLE.items()
            for event, targets in rows.items()
            if event is not Event.KILL and reached & set(targets)
        }
        if more <= reached:
            break
        reached |= more
    assert reached == set(Status)


def test_the_diagram_shows_every_row() -> None:
    """What is drawn is the table."""
    drawn = diagram().splitlines()[2:]
    assert len(drawn) == sum(len(targets) for rows in LIFECYCLE.values() for targets in rows.values())
