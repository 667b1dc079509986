"""What goes when it is no longer needed, and what must not."""

from __future__ import annotations

import pytest

from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import Loaded, Store
from holdfast_engine.records import Head, Note, Page, Slot, Status
from tests.conformance.store.samples import CANCELED, NOW_MS, change, created, in_status, new_head
from tests.support import wire_frames as f


async def with_pages_and_notes(store: Store) -> Head:
    """Return a completed invocation that has a later page and a note."""
    head = await created(store, new_head())
    slot = await store.append(head.id, slot=slot_in_head(head), epoch=1, frames=(f.run(1, "x" * 900),), taken=())
    assert isinstance(slot, Slot)
    await store.append(head.id, slot=slot, epoch=1, frames=(f.output(),), taken=())
    await store.note(head.id, Note(key="c#2", frame=f.signal(17)))
    after = await store.commit(head.id, epoch=1, change=change(head, Status.COMPLETED, outcome_index=2))
    assert isinstance(after, Head)
    return after


async def test_a_forgotten_invocation_leaves_nothing(store: Store) -> None:
    """Head, pages and notes go together, and the id is new again."""
    head = await with_pages_and_notes(store)
    assert await store.forget(head.id, nonce=head.nonce)
    assert await store.head(head.id) is None
    assert await store.load(head.id, epoch=None) is None
    assert await store.notes(head.id) == ()
    again = await created(store, new_head(id=head.id, page=Page(epoch=1, base=0, frames=(f.input_(),), closed=True)))
    assert await store.load(again.id, epoch=None) == Loaded(head=again, pages=(), notes=())


async def test_forgetting_twice_is_forgetting_once(store: Store) -> None:
    """Of two that forget one did, and an id that was never there is no matter."""
    head = await with_pages_and_notes(store)
    assert await store.forget(head.id, nonce=head.nonce)
    assert not await store.forget(head.id, nonce=head.nonce)


async def test_another_one_of_the_same_id_is_not_forgotten(store: Store) -> None:
    """Whoever means the earlier invocation of an id does not hit the later one (I1)."""
    head = await created(store, in_status(Status.COMPLETED))
    assert await store.forget(head.id, nonce=head.nonce)
    later = await created(store, in_status(Status.COMPLETED, id=head.id))
    assert not await store.forget(head.id, nonce=head.nonce)
    assert await store.head(head.id) == later


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
async def test_what_has_not_ended_is_not_forgotten(store: Store, status: Status) -> None:
    """An invocation that may still do something stays."""
    head = await created(store, in_status(status))
    assert not await store.forget(head.id, nonce=head.nonce)
    assert await store.head(head.id) == head


async def test_retiring_drops_the_notes(store: Store) -> None:
    """The notes of what has ended go; its journal stays as long as its outcome is asked for."""
    head = await with_pages_and_notes(store)
    for _ in range(2):
        await store.retire(head.id, head=head, expires_ms=NOW_MS + 10**9, is_thorough=True)
        assert await store.notes(head.id) == ()
        found = await store.load(head.id, epoch=None)
        assert isinstance(found, Loaded)
        assert found.head == head
        assert found.pages[-1].frames == (f.output(),)


async def test_retiring_nobody_is_no_matter(store: Store) -> None:
    """A note to an id that nobody has is cleared away."""
    head = new_head()
    await store.note(head.id, Note(key="c#2", frame=f.signal(17)))
    await store.retire(head.id, head=None, expires_ms=NOW_MS, is_thorough=True)
    assert await store.notes(head.id) == ()


async def test_only_what_is_over_is_listed_as_expired(store: Store) -> None:
    """Neither what runs nor what is still remembered is among the expired, and the list is bounded."""
    over_ms = NOW_MS + 3_600_000
    kept = {
        (await created(store, in_status(Status.RUNNING))).id,
        (await created(store, in_status(Status.COMPLETED, completed_ms=NOW_MS + 1))).id,
    }
    for _ in range(3):
        await created(store, in_status(Status.COMPLETED))
    for limit in (1, 100):
        expired = await store.expired(now_ms=over_ms, limit=limit)
        assert len(expired) <= limit
        for head in expired:
            assert head.id not in kept
            assert head.completed_ms is not None
            assert head.completed_ms + head.completion_retention_ms <= over_ms


async def test_unfinished_ones_are_walked_page_by_page(store: Store) -> None:
    """Everything that has not ended is listed once, whatever the size of the pages."""
    heads = [await created(store, in_status(status)) for status in Status for _ in range(3)]
    open_ids = {head.id for head in heads if head.status is not Status.COMPLETED}
    for limit in (1, 4, 500):
        walked: list[Head] = []
        after: str | None = None
        while page := await store.unfinished(after=after, limit=limit):
            assert len(page) <= limit
            walked += page
            after = page[-1].id
        ids = [head.id for head in walked]
        assert len(ids) == len(set(ids))
        assert open_ids <= set(ids)
        by_id = {head.id: head for head in walked}
        for head in heads:
            assert by_id.get(head.id, head) == head


async def test_a_walk_survives_what_ends_meanwhile(store: Store) -> None:
    """An invocation that ends while somebody walks does not make the walk lose its place."""
    heads = [await created(store, in_status(Status.SUSPENDED)) for _ in range(10)]
    walked: set[str] = set()
    after: str | None = None
    while page := await store.unfinished(after=after, limit=2):
        walked |= {head.id for head in page}
        after = page[-1].id
        for head in page:
            if head.status is Status.SUSPENDED:
                await store.kill(head.id, failure=CANCELED, now_ms=NOW_MS)
                await store.forget(head.id, nonce=head.nonce)
    assert {head.id for head in heads} <= walked
