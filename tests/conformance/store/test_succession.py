"""One id, one invocation after the other: the later one counts on from the earlier, of which nothing can reach it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_engine.operations import following
from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import FENCED, Loaded, Store
from holdfast_engine.records import Head, Kept, Note, Outcome, Page, Slot, Status
from tests.conformance.store.samples import CANCELED, LEASE_MS, NOW_MS, acquire, change, created, in_status, new_head
from tests.support import wire_frames as f

STEP = (f.run(1, "x" * 900),)
OLD = f.run(9, "of the one before")


async def succeeded(store: Store, *, closed: bool = False) -> tuple[Head, Head]:
    """Kill a running invocation of epoch 1 and put another in its place; return both as they began."""
    before = await created(store, new_head())
    await store.note(before.id, Note(key="c#2", frame=f.signal(17)))
    killed = await store.kill(before.id, failure=CANCELED, now_ms=NOW_MS)
    assert killed is not None
    page = Page(epoch=1, base=0, frames=(f.input_(),), closed=closed)
    after = following(new_head(id=before.id, page=page), killed)
    assert await store.succeed(after, nonce=before.nonce)
    return before, after


async def test_a_successor_takes_the_place_of_what_has_ended(store: Store) -> None:
    """The new head is all there is, with no note of the one before, and its epochs are above that one's."""
    before, after = await succeeded(store)
    assert await store.load(after.id, epoch=after.epoch) == Loaded(head=after, pages=(), notes=())
    assert (after.attempts, after.nonce != before.nonce) == (1, True)
    acquired = await acquire(store, after)
    assert acquired.head.attempts == 2


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
async def test_nobody_takes_the_place_of_what_has_not_ended(store: Store, status: Status) -> None:
    """An invocation that may still do something stays (I1)."""
    head = await created(store, in_status(status))
    assert not await store.succeed(following(new_head(id=head.id), head), nonce=head.nonce)
    assert await store.head(head.id) == head


async def test_one_successor_only(store: Store) -> None:
    """Of two that want the place of one, one has it; and nobody has the place of one that is not there (I1)."""
    before, after = await succeeded(store)
    other = following(new_head(id=before.id), before)
    assert not await store.succeed(other, nonce=before.nonce)
    assert await store.head(before.id) == after
    absent = new_head()
    assert not await store.succeed(absent, nonce=absent.nonce)
    assert await store.head(absent.id) is None


async def test_whoever_is_left_over_writes_to_no_head(store: Store) -> None:
    """No write of an epoch of the one before is taken by the later one (J2)."""
    before, after = await succeeded(store)
    end = change(before, Status.COMPLETED, outcome=Outcome(value=b"old"))
    slot = slot_in_head(before)
    for epoch in (1, 2):
        assert await store.append(before.id, slot=slot, epoch=epoch, frames=(OLD,), taken=()) is FENCED
        assert await store.commit(before.id, epoch=epoch, change=end) is FENCED
        assert not await store.renew(before.id, epoch=epoch, lease_until_ms=LEASE_MS + 1)
        assert await acquire(store, replace(before, epoch=epoch, status=after.status)) is None
    assert await store.head(before.id) == after


async def test_a_page_of_who_is_left_over_is_nobodys(store: Store) -> None:
    """What the one before still begins is neither read nor in the way: the next page takes its place (J1, J2)."""
    before, after = await succeeded(store, closed=True)
    slot = Slot(page=1, count=0, base=1, frames_bytes=0)
    await store.append(before.id, slot=slot, epoch=before.epoch, frames=(OLD, OLD), taken=("s#old",))
    assert await store.load(after.id, epoch=after.epoch) == Loaded(head=after, pages=(), notes=())
    assert isinstance(await store.append(after.id, slot=slot, epoch=after.epoch, frames=STEP, taken=()), Slot)
    behind = replace(slot, count=2)
    assert await store.append(before.id, slot=behind, epoch=before.epoch, frames=(OLD,), taken=()) is FENCED
    found = await store.load(after.id, epoch=after.epoch)
    assert isinstance(found, Loaded)
    assert [(page.frames, page.taken, page.epoch) for page in found.pages] == [(STEP, (), after.epoch)]


async def test_a_page_of_who_is_left_over_is_claimed_empty(store: Store) -> None:
    """Who fences a page that the one before has begun gets it empty, and that one writes there no more (O-8)."""
    before, after = await succeeded(store, closed=True)
    slot = Slot(page=1, count=0, base=1, frames_bytes=0)
    await store.append(before.id, slot=slot, epoch=before.epoch, frames=(OLD,), taken=())
    claimed = await store.claim_slot(after.id, page=1, base=1, epoch=after.epoch)
    assert claimed == Page(epoch=after.epoch, base=1, frames=())
    assert await store.append(before.id, slot=slot, epoch=before.epoch, frames=(OLD,), taken=()) is FENCED
    assert await store.claim_slot(before.id, page=1, base=1, epoch=before.epoch) is None
    found = await store.load(after.id, epoch=after.epoch)
    assert isinstance(found, Loaded)
    assert found.pages == (claimed,)


@pytest.mark.parametrize("knows_head", [True, False])
@pytest.mark.parametrize("expires_ms", [0, NOW_MS + 10**12])
async def test_whoever_clears_up_late_spares_the_successor(store: Store, expires_ms: int, knows_head: bool) -> None:
    """Neither notes nor pages of the later one go when what the one before has left is let go of (D1, J1)."""
    before, after = await succeeded(store, closed=True)
    slot = Slot(page=1, count=0, base=1, frames_bytes=0)
    assert isinstance(await store.append(after.id, slot=slot, epoch=after.epoch, frames=STEP, taken=()), Slot)
    await store.note(after.id, Note(key="c#2", frame=f.signal(18)))
    whole = await store.load(after.id, epoch=after.epoch)
    ended = replace(before, epoch=2, status=Status.COMPLETED, completed_ms=NOW_MS)
    await store.retire(
        before.id, head=ended if knows_head else None, expires_ms=expires_ms or NOW_MS - 10**12, is_thorough=True
    )
    assert await store.load(after.id, epoch=after.epoch) == whole
    assert isinstance(whole, Loaded)
    assert (len(whole.pages), len(whole.notes)) == (1, 1)


@pytest.mark.parametrize("is_succeeded", [False, True])
async def test_a_page_that_fenced_goes_on_fencing(store: Store, is_succeeded: bool) -> None:
    """Whoever was fenced by a page stays so when its journal is let go of, and when another one has the id (J2)."""
    before = await created(store, new_head(page=Page(epoch=1, base=0, frames=(f.input_(),), closed=True)))
    killed = await store.kill(before.id, failure=CANCELED, now_ms=NOW_MS)
    assert killed is not None
    assert await store.claim_slot(before.id, page=1, base=1, epoch=2) is not None
    stripped = await store.strip(before.id, nonce=before.nonce, kept=Kept.NOTHING, output=None)
    assert stripped is not None
    await store.retire(before.id, head=stripped, expires_ms=NOW_MS - 10**12, is_thorough=True)
    if is_succeeded:
        assert await store.succeed(following(new_head(id=before.id), stripped), nonce=before.nonce)
    slot = Slot(page=1, count=0, base=1, frames_bytes=0)
    assert await store.append(before.id, slot=slot, epoch=before.epoch, frames=(OLD,), taken=()) is FENCED
    assert await store.claim_slot(before.id, page=1, base=1, epoch=before.epoch) is None


@pytest.mark.parametrize("status", [Status.READY, Status.QUEUED, Status.SCHEDULED])
async def test_a_successor_that_has_not_started_is_cancelled_at_once(store: Store, status: Status) -> None:
    """What has done nothing is told by its own first epoch, and not by that of the one before."""
    before = await created(store, in_status(Status.COMPLETED, epoch=5))
    head = in_status(status, id=before.id, epoch=0, page=Page(epoch=0, base=0, frames=(f.input_(),)))
    after = following(head, before)
    assert await store.succeed(after, nonce=before.nonce)
    assert await store.cancel_unstarted(after.id, failure=CANCELED, now_ms=NOW_MS) is not None


async def test_a_successor_that_has_started_is_not(store: Store) -> None:
    """What may have done something, though its journal is its input, is left to its handler."""
    before = await created(store, in_status(Status.COMPLETED, epoch=5))
    page = Page(epoch=1, base=0, frames=(f.input_(),), closed=True)
    after = following(in_status(Status.QUEUED, id=before.id, page=page), before)
    assert await store.succeed(after, nonce=before.nonce)
    assert await store.cancel_unstarted(after.id, failure=CANCELED, now_ms=NOW_MS) is None
