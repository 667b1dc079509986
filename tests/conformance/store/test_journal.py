"""Creating and loading, appending page by page, and the fence that keeps older epochs out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast_engine.pages import open_slot, slot_in_head
from holdfast_engine.ports import FENCED, Fenced, Loaded, Store
from holdfast_engine.records import Head, Page, Slot, Status
from tests.conformance.store.samples import acquire, created, full_head, in_status, new_head, new_id
from tests.support import wire_frames as f


async def loaded(store: Store, head: Head) -> Loaded:
    found = await store.load(head.id, epoch=None)
    assert isinstance(found, Loaded)
    return found


def frames_of(found: Loaded) -> tuple[bytes, ...]:
    return tuple(frame for page in (found.head.page, *found.pages) for frame in page.frames)


async def appended(store: Store, head: Head, slot: Slot, *frames: bytes, epoch: int = 1) -> Slot:
    after = await store.append(head.id, slot=slot, epoch=epoch, frames=frames, taken=())
    assert isinstance(after, Slot)
    return after


@pytest.mark.parametrize("make", [new_head, full_head], ids=["plain", "full"])
async def test_a_head_comes_back_as_it_was_put(store: Store, make: Callable[[], Head]) -> None:
    """Every field of a head survives being stored."""
    head = await created(store, make())
    assert await store.head(head.id) == head
    assert await store.load(head.id, epoch=None) == Loaded(head=head, pages=(), notes=())


@pytest.mark.parametrize("status", Status)
async def test_every_status_is_stored(store: Store, status: Status) -> None:
    """A head may be created in any status."""
    head = await created(store, in_status(status))
    assert await store.head(head.id) == head


async def test_who_creates_second_gets_the_first(store: Store) -> None:
    """Creating is deduplication: the head that was there is answered, and stays."""
    head = await created(store, new_head())
    again = new_head(id=head.id, status=Status.COMPLETED)
    assert await store.create(again) == head
    assert await store.create(head) == head
    assert await store.head(head.id) == head


async def test_nobody_is_nobody(store: Store) -> None:
    """An id that was never created has no head, no journal and no notes."""
    assert await store.head(new_id()) is None
    assert await store.load(new_id(), epoch=None) is None
    assert await store.load(new_id(), epoch=1) is None
    assert await store.notes(new_id()) == ()


async def test_later_pages_may_be_put_first(store: Store) -> None:
    """A journal that is long from the start: its pages are there before its head, and are found behind it."""
    page = Page(epoch=0, base=0, frames=(f.input_(), f.run(1)), closed=True)
    head = new_head(status=Status.READY, epoch=0, page=page)
    frames = (f.run_result(1, b"x" * 900), f.run(2))
    slot = Slot(page=1, count=0, base=2, frames_bytes=0)
    after = await appended(store, head, slot, *frames, epoch=0)
    await appended(store, head, after, f.run_result(2), epoch=0)
    assert await store.load(head.id, epoch=None) is None
    await created(store, head)
    found = await loaded(store, head)
    assert frames_of(found) == (*page.frames, *frames, f.run_result(2))
    acquired = await acquire(store, head)
    assert acquired is not None
    assert isinstance(await store.load(head.id, epoch=1), Loaded)


async def test_an_append_extends_the_head(store: Store) -> None:
    """An append to page 0 puts its frames behind those there, and answers the next slot."""
    head = await created(store, new_head())
    frames = (f.run(1), f.run_result(1))
    after = await store.append(head.id, slot=slot_in_head(head), epoch=1, frames=frames, taken=("s#17",))
    now = await store.head(head.id)
    assert now is not None
    assert now.page.frames == (f.input_(), *frames)
    assert now.page.taken == ("s#17",)
    assert isinstance(after, Slot)
    assert (after.page, after.count, after.base) == (0, 3, 0)


@pytest.mark.parametrize("size", [1, 40, 300, 2000])
async def test_appends_chain_from_page_to_page(store: Store, size: int) -> None:
    """Whatever their size, appends come back in order; each page says where it begins; the slot follows the pages."""
    head = await created(store, new_head())
    slot, expected = slot_in_head(head), [f.input_()]
    for number in range(1, 41):
        step = [f.run(number, "x" * size), f.run_result(number)]
        slot = await appended(store, head, slot, *step)
        expected += step
    found = await loaded(store, head)
    assert list(frames_of(found)) == expected
    base = 0
    for page in (found.head.page, *found.pages):
        assert page.base == base
        base += page.count
    assert all(page.closed for page in (found.head.page, *found.pages)[:-1])
    last = open_slot(found.head, found.pages)
    assert (last.page, last.count, last.base) == (slot.page, slot.count, slot.base)


async def test_the_tokens_of_signals_are_kept_with_their_page(store: Store) -> None:
    """Each page names the signals that were merged into it."""
    head, slot = await closed_head(store)
    first = await store.append(head.id, slot=slot, epoch=1, frames=(f.signal(17),), taken=("s#17",))
    assert isinstance(first, Slot)
    await store.append(head.id, slot=first, epoch=1, frames=(f.signal(18),), taken=("s#18",))
    assert (await loaded(store, head)).pages[0].taken == ("s#17", "s#18")


async def test_a_frame_larger_than_a_page_goes_in_all_the_same(store: Store) -> None:
    """A large frame fills the open page and closes it."""
    head = await created(store, new_head())
    slot = await appended(store, head, slot_in_head(head), f.run(1, "x" * 50_000))
    assert (slot.page, slot.count, slot.base) == (1, 0, 2)
    slot = await appended(store, head, slot, f.run(2, "x" * 50_000))
    assert (slot.page, slot.count, slot.base) == (2, 0, 3)


async def closed_head(store: Store) -> tuple[Head, Slot]:
    """Return an invocation whose first page is full, and the slot behind it."""
    head = await created(store, new_head())
    slot = await appended(store, head, slot_in_head(head), f.run(1, "x" * 900))
    assert slot.page == 1
    return head, slot


async def test_an_append_at_another_place_is_refused(store: Store) -> None:
    """Whoever does not know the journal's length writes nothing: not twice at one place, not beyond the end."""
    head = await created(store, new_head())
    first = slot_in_head(head)
    second = await appended(store, head, first, f.run(1))
    for slot in (first, Slot(page=0, count=5, base=0, frames_bytes=0)):
        assert await store.append(head.id, slot=slot, epoch=1, frames=(f.run(2),), taken=()) is FENCED
    await appended(store, head, second, f.run(2))


async def test_an_append_at_another_place_of_a_later_page_is_refused(store: Store) -> None:
    """The same on later pages, where a place that is taken is refused as well as one that is not reached."""
    head, slot = await closed_head(store)
    beyond = Slot(page=1, count=3, base=slot.base, frames_bytes=0)
    assert await store.append(head.id, slot=beyond, epoch=1, frames=(f.run(2),), taken=()) is FENCED
    second = await appended(store, head, slot, f.run(2))
    assert await store.append(head.id, slot=slot, epoch=1, frames=(f.run(3),), taken=()) is FENCED
    await appended(store, head, second, f.run(3))


async def test_a_closed_page_takes_no_more(store: Store) -> None:
    """Where a page is closed the count alone does not let anybody in."""
    head, slot = await closed_head(store)
    at_the_end = Slot(page=0, count=2, base=0, frames_bytes=0)
    assert await store.append(head.id, slot=at_the_end, epoch=1, frames=(f.run(2),), taken=()) is FENCED
    after = await appended(store, head, slot, f.run(2, "x" * 2000))
    assert after.page == 2
    at_the_end = Slot(page=1, count=1, base=slot.base, frames_bytes=0)
    assert await store.append(head.id, slot=at_the_end, epoch=1, frames=(f.run(3),), taken=()) is FENCED


async def test_an_older_epoch_is_fenced_on_page_0(store: Store) -> None:
    """An acquire fences the first page by itself, for it is the same item (J2)."""
    head = await created(store, new_head())
    slot = await appended(store, head, slot_in_head(head), f.run(1))
    assert await acquire(store, head) is not None
    assert await store.append(head.id, slot=slot, epoch=1, frames=(f.run(2),), taken=()) is FENCED
    await appended(store, head, slot, f.run(2), epoch=2)


@pytest.mark.parametrize("has_entries", [False, True])
async def test_an_older_epoch_is_fenced_on_later_pages(store: Store, has_entries: bool) -> None:
    """Once the open slot is claimed, no older epoch appends to its page nor begins it (J2, O-8)."""
    head, slot = await closed_head(store)
    if has_entries:
        slot = await appended(store, head, slot, f.run(2))
    assert await acquire(store, head) is not None
    page = await store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=2)
    assert page is not None
    assert (page.epoch, page.base, page.count) == (2, slot.base, int(has_entries))
    assert await store.append(head.id, slot=slot, epoch=1, frames=(f.run(3),), taken=()) is FENCED
    await appended(store, head, slot, f.run(3), epoch=2)


async def test_without_the_claim_an_older_epoch_gets_in(store: Store) -> None:
    """Later pages are items of their own: an acquire alone does not close them to a zombie, so one claims."""
    head, slot = await closed_head(store)
    assert await acquire(store, head) is not None
    await appended(store, head, slot, f.run(3), epoch=1)


async def test_a_claim_of_a_closed_page_is_refused(store: Store) -> None:
    """A page that a zombie has filled meanwhile is not claimed: the slot is the next one."""
    head, slot = await closed_head(store)
    next_slot = await appended(store, head, slot, f.run(2, "x" * 2000))
    assert await store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=2) is None
    assert await store.claim_slot(head.id, page=next_slot.page, base=next_slot.base, epoch=2) is not None


async def test_a_claim_of_an_older_epoch_is_refused(store: Store) -> None:
    """A claim that a newer epoch has made stands."""
    head, slot = await closed_head(store)
    assert await store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=3) is not None
    assert await store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=2) is None


async def test_a_load_of_another_epoch_is_fenced(store: Store) -> None:
    """Whoever loads for an epoch that is over, or not there yet, learns so (O-8)."""
    head = await created(store, new_head())
    assert isinstance(await store.load(head.id, epoch=1), Loaded)
    for epoch in (0, 2):
        assert isinstance(await store.load(head.id, epoch=epoch), Fenced)


async def test_a_load_sees_the_epochs_of_pages(store: Store) -> None:
    """A page of a newer epoch fences the load as well: its head may have been read before the acquire."""
    head, slot = await closed_head(store)
    await store.claim_slot(head.id, page=slot.page, base=slot.base, epoch=2)
    assert isinstance(await store.load(head.id, epoch=1), Fenced)
    assert isinstance(await store.load(head.id, epoch=None), Loaded)


async def test_a_fenced_append_leaves_no_trace(store: Store) -> None:
    """A refused append changes neither frames nor epochs."""
    head, slot = await closed_head(store)
    before = await loaded(store, head)
    wrong = Slot(page=slot.page + 1, count=1, base=9, frames_bytes=0)
    for place in (wrong, slot_in_head(head)):
        assert await store.append(head.id, slot=place, epoch=1, frames=(f.run(9),), taken=()) is FENCED
    assert await loaded(store, head) == before


async def test_flushed_returns(store: Store) -> None:
    """The barrier lets through whoever wrote something, nothing, or only read."""
    await store.flushed()
    head = await created(store, new_head())
    await store.flushed()
    await store.head(head.id)
    await store.flushed()
