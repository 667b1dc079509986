"""What the expressions say of heads and pages is what the pure functions say, for any item and any arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from holdfast_aws import items
from holdfast_aws.store import DynamoStore
from holdfast_engine import operations
from holdfast_engine.pages import slot_behind
from holdfast_engine.ports import FENCED, Change
from holdfast_engine.records import Failure, Head, Page, Slot, Status
from holdfast_protocol.items import page_sort
from tests.properties.aws.conftest import Run
from tests.support.records import (
    counts,
    deployment_ids,
    frames,
    heads,
    invocation_ids,
    last_failures,
    outcomes,
    pages,
    sinks,
    texts,
    times_ms,
    trees,
)

FAILURE = Failure(code=409, message="killed")

# No shrinking: an item that shows a difference is small enough to read, and each try costs requests.
expressions = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@st.composite
def near(draw: st.DrawFn, number: int) -> int:
    """Return a number that is often the same, else next to it."""
    return max(0, number + draw(st.sampled_from([0, 0, 0, -1, 1])))


def check(
    run: Run,
    store: DynamoStore,
    head: Head,
    operation: Callable[[], Any],
    expected: Head | None,
    answer_of: Callable[[Head | None], Any],
) -> None:
    """Put the head, run the operation, and compare its answer and the item with what was expected."""

    async def flow() -> None:
        await store.dynamo.put(items.head_item(store.models.head, head), None)
        assert await operation() == answer_of(expected)
        assert await store.head(head.id) == (head if expected is None else expected)

    run(flow())


@expressions
@given(heads(), st.data())
def test_acquire(run: Run, store: DynamoStore, head: Head, data: st.DataObject) -> None:
    """An epoch starts from exactly the epoch, status and lease that the rule allows."""
    now_ms = data.draw(st.sampled_from([head.lease_until_ms - 1, head.lease_until_ms, head.lease_until_ms + 1]))
    arguments: dict[str, Any] = {
        "epoch": data.draw(near(head.epoch)),
        "status": data.draw(st.just(head.status) | st.sampled_from(Status)),
        "now_ms": max(now_ms, 0),
        "lease_until_ms": data.draw(st.just(0) | times_ms),
        "deployment_id": data.draw(st.none() | deployment_ids),
        "protocol_version": data.draw(st.none() | st.just(6)),
        "ticket": data.draw(st.none() | counts),
        "failed_attempts": data.draw(counts),
        "command_retries": data.draw(counts),
    }
    expected = operations.acquire(head, **arguments)

    def answer(after: Head | None) -> Any:
        return (after, head.is_open) if after is not None else None

    async def acquire() -> Any:
        acquired = await store.acquire(head.id, **arguments)
        return (acquired.head, acquired.was_open) if acquired is not None else None

    check(run, store, head, acquire, expected, answer)


@expressions
@given(heads(), st.data())
def test_renew(run: Run, store: DynamoStore, head: Head, data: st.DataObject) -> None:
    """A lease is extended for its own epoch only."""
    epoch, until = data.draw(near(head.epoch)), data.draw(st.just(0) | times_ms)
    expected = operations.renew(head, epoch=epoch, lease_until_ms=until)
    check(
        run,
        store,
        head,
        lambda: store.renew(head.id, epoch=epoch, lease_until_ms=until),
        expected,
        lambda after: after is not None,
    )


@st.composite
def slots(draw: st.DrawFn, page: Page, number: int) -> Slot:
    """Return the slot behind a page, or one beside it, however full."""
    return Slot(
        page=number,
        count=draw(near(page.count)),
        base=page.base,
        frames_bytes=draw(st.sampled_from([0, 500, 900, 2000])),
    )


@expressions
@given(heads(), st.data())
def test_append_to_page_0(run: Run, store: DynamoStore, head: Head, data: st.DataObject) -> None:
    """Frames go behind those of page 0 under epoch, count and an open page."""
    slot = data.draw(slots(head.page, 0))
    epoch, more, taken = data.draw(near(head.epoch)), data.draw(frames), tuple(data.draw(st.lists(texts, max_size=2)))
    expected = operations.append_to_head(head, slot=slot, epoch=epoch, frames=more, taken=taken)
    check(
        run,
        store,
        head,
        lambda: store.append(head.id, slot=slot, epoch=epoch, frames=more, taken=taken),
        expected,
        lambda after: slot_behind(slot, more, taken) if after is not None else FENCED,
    )


@expressions
@given(heads(), st.data())
def test_commit(run: Run, store: DynamoStore, head: Head, data: st.DataObject) -> None:
    """An attempt ends under its epoch, with frames only at the open slot of page 0."""
    head = replace(head, completed_ms=None) if head.status is not Status.COMPLETED else head
    more = data.draw(frames)
    change = Change(
        status=data.draw(st.sampled_from([Status.SUSPENDED, Status.BACKING_OFF, Status.PAUSED, Status.COMPLETED])),
        modified_ms=data.draw(times_ms),
        is_open=data.draw(st.booleans()),
        done=data.draw(counts),
        ticket=data.draw(st.none() | counts),
        awaiting=data.draw(st.none() | trees),
        retry_at_ms=data.draw(st.none() | times_ms),
        failed_attempts=data.draw(counts),
        command_retries=data.draw(counts),
        last_entry_ms=data.draw(times_ms),
        last_failure=data.draw(st.none() | last_failures),
        outcome=data.draw(st.none() | outcomes),
        outcome_index=data.draw(st.none() | counts),
        frames=more,
        taken=tuple(data.draw(st.lists(texts, max_size=2))) if more else (),
        slot=data.draw(slots(head.page, data.draw(st.sampled_from([0, 0, 1])))),
    )
    epoch = data.draw(near(head.epoch))
    expected = operations.commit(head, epoch=epoch, change=change)
    check(
        run,
        store,
        head,
        lambda: store.commit(head.id, epoch=epoch, change=change),
        expected,
        lambda after: FENCED if after is None else after,
    )


@expressions
@given(heads(), times_ms, st.sampled_from(["cancel_unstarted", "kill", "pause", "resume", "due"]), st.data())
def test_interventions(run: Run, store: DynamoStore, head: Head, now_ms: int, name: str, data: st.DataObject) -> None:
    """Cancel, kill, pause, resume and due move what the lifecycle table lets them move."""
    arguments: dict[str, Any] = {"now_ms": now_ms}
    if name in ("cancel_unstarted", "kill"):
        arguments["failure"] = FAILURE
    if name == "resume":
        arguments["deployment_id"] = data.draw(st.none() | deployment_ids)
    if name == "due":
        arguments["status"] = data.draw(st.sampled_from([Status.READY, Status.QUEUED]))
    if name == "cancel_unstarted":
        # Most heads have done something; those that have not are the ones to look at.
        page = replace(head.page, epoch=data.draw(st.integers(0, 2)), frames=head.page.frames[: data.draw(near(1))])
        head = replace(head, epoch=page.epoch, page=page)
    expected = getattr(operations, name)(head, **arguments)
    check(
        run,
        store,
        head,
        lambda: getattr(store, name)(head.id, **arguments),
        expected,
        lambda after: after,
    )


@expressions
@given(heads(), sinks, st.booleans())
def test_attach(run: Run, store: DynamoStore, head: Head, sink: Any, is_there: bool) -> None:
    """A sink is added once, to what has not ended."""
    if is_there:
        head = replace(head, sinks=(*head.sinks, sink))
    expected = operations.attach(head, sink)
    check(
        run,
        store,
        head,
        lambda: store.attach(head.id, sink),
        expected,
        lambda after: head if after is None else None,
    )


@expressions
@given(invocation_ids, st.none() | pages(), st.integers(1, 120), st.data())
def test_later_pages(
    run: Run, store: DynamoStore, invocation_id: str, page: Page | None, number: int, data: st.DataObject
) -> None:
    """Appending to a later page, and claiming it, hold by epoch, count and an open page; either may begin it."""
    # The store remembers the first epochs of heads that it has seen, and the other tests show it some of these ids.
    invocation_id = f"headless-{invocation_id}"
    before = page or Page(epoch=0, base=7, frames=())
    if data.draw(st.booleans()):
        slot = data.draw(slots(before, number))
        epoch, more = data.draw(near(before.epoch)), data.draw(frames)
        taken = tuple(data.draw(st.lists(texts, max_size=2)))
        after = operations.append_to_page(page, slot=slot, epoch=epoch, frames=more, taken=taken)
        answer: Any = slot_behind(slot, more, taken) if after is not None else FENCED
        call: Any = store.append(invocation_id, slot=slot, epoch=epoch, frames=more, taken=taken)
    else:
        epoch = data.draw(near(before.epoch))
        after = operations.claim_slot(page, base=before.base, epoch=epoch)
        answer = after
        call = store.claim_slot(invocation_id, page=number, base=before.base, epoch=epoch)

    async def flow() -> None:
        item = store.models.page(id=invocation_id, sort=page_sort(number))
        if page is None:
            await store.dynamo.delete(item, None, is_retention=True)
        else:
            await store.dynamo.put(
                items.page_item(store.models.page, invocation_id, number, page, expires_s=None), None
            )
        assert await call == answer
        raw = await store.dynamo.get(store.models.page, invocation_id, page_sort(number))
        stored = items.page_in(raw)[1] if raw is not None else None
        assert stored == (page if after is None else after)

    run(flow())
