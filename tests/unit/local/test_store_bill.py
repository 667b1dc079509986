"""The embedded store's bill: each operation is one write of one item, refused or not, as DynamoDB would have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from holdfast_engine.pages import slot_in_head
from holdfast_engine.records import KeyRef, Note, Outcome, Slot, StateWrites, Status
from holdfast_local.sqlite_store import SqliteStore
from tests.conformance.store.samples import (
    CANCELED,
    NOW_MS,
    acquire,
    change,
    created,
    in_status,
    new_head,
    new_key,
    new_sink,
)
from tests.support import wire_frames as f
from tests.support.virtual_time import in_virtual_time

NOTHING = StateWrites(clear_all=False, values=())


class Bill:
    """A store in memory, and what it says an operation costs."""

    def __init__(self) -> None:
        self.store = SqliteStore(None)
        self.store.open()

    async def of(self, work: Awaitable[object]) -> tuple[int, int]:
        """Return write units and read units of some work."""
        meter = self.store.meter
        writes, reads = meter.write_units, meter.read_units
        await work
        return meter.write_units - writes, meter.read_units - reads


ONE_WRITE = (1, 0)


@in_virtual_time
async def test_every_write_to_a_journal_is_one_unit() -> None:
    """Whether its condition holds or not, an operation on a small item costs one write and no read."""
    bill = Bill()
    store, head = bill.store, new_head()
    slot = slot_in_head(head)
    assert await bill.of(store.create(head)) == ONE_WRITE
    assert await bill.of(store.create(head)) == ONE_WRITE
    for _ in range(2):
        assert await bill.of(store.append(head.id, slot=slot, epoch=1, frames=(f.run(1),), taken=())) == ONE_WRITE
        assert await bill.of(store.attach(head.id, new_sink())) == ONE_WRITE
        assert await bill.of(store.note(head.id, Note(key="c#1", frame=f.signal(17)))) == ONE_WRITE
        assert await bill.of(acquire(store, head)) == ONE_WRITE
        assert await bill.of(store.renew(head.id, epoch=2, lease_until_ms=NOW_MS)) == ONE_WRITE
        assert await bill.of(store.claim_slot(head.id, page=1, base=2, epoch=2)) == ONE_WRITE
        assert await bill.of(store.commit(head.id, epoch=2, change=change(head, Status.SUSPENDED))) == ONE_WRITE
        assert await bill.of(store.pause(head.id, now_ms=NOW_MS)) == ONE_WRITE
        assert await bill.of(store.resume(head.id, now_ms=NOW_MS, deployment_id=None)) == ONE_WRITE
        assert await bill.of(store.due(head.id, status=Status.READY, now_ms=NOW_MS)) == ONE_WRITE
        assert await bill.of(store.cancel_unstarted(head.id, failure=CANCELED, now_ms=NOW_MS)) == ONE_WRITE
        assert await bill.of(store.kill(head.id, failure=CANCELED, now_ms=NOW_MS)) == ONE_WRITE


@in_virtual_time
async def test_every_write_to_a_key_is_one_unit() -> None:
    """Whether its condition holds or not, an operation on a small lock costs one write and no read."""
    bill = Bill()
    store, key = bill.store, new_key()
    operations: list[Callable[[], Awaitable[object]]] = [
        lambda: store.enter_free(key, "inv_a"),
        lambda: store.take_ticket(key),
        lambda: store.put_wait(key, ticket=1, invocation_id="inv_b"),
        lambda: store.apply(key, ticket=0, invocation_id="inv_a", index=1, writes=writes(b"1")),
        lambda: store.claim(key, ticket=0, invocation_id="inv_a"),
        lambda: store.skip(key, ticket=0),
        lambda: store.leave(key, ticket=0, invocation_id="inv_a", writes=NOTHING, next_holder=None),
        lambda: store.listen_promise(key, "p", new_sink()),
        lambda: store.complete_promise(key, "p", outcome=Outcome(value=b"x"), by="me"),
    ]
    for operation in [*operations, *operations]:
        assert await bill.of(operation()) == ONE_WRITE


def writes(value: bytes) -> StateWrites:
    return StateWrites(clear_all=False, values=(("n", value),))


@in_virtual_time
async def test_reads_are_billed_as_reads() -> None:
    """A look at a head, a lock or a promise costs one read unit and no write."""
    bill = Bill()
    store, key = bill.store, new_key()
    head = await created(store, in_status(Status.SUSPENDED))
    looks: list[Awaitable[object]] = [
        store.head(head.id),
        store.load(head.id, epoch=None),
        store.notes(head.id),
        store.keyed(key, with_state=True),
        store.waits(key, from_ticket=0, limit=10),
        store.promise(key, "p"),
    ]
    for look in looks:
        assert await bill.of(look) == (0, 1)


@pytest.mark.parametrize(("size", "units"), [(100, 1), (2_000, 3), (10_000, 10)])
def test_a_large_item_costs_by_its_size(size: int, units: int) -> None:
    """What goes into the head makes every write to the head dearer; a later page is billed by itself."""

    @in_virtual_time
    async def play() -> None:
        bill = Bill()
        store, head = bill.store, new_head()
        await store.create(head)
        frames = (f.run(1, "x" * size),)
        cost, _ = await bill.of(store.append(head.id, slot=slot_in_head(head), epoch=1, frames=frames, taken=()))
        assert cost == units
        cost, _ = await bill.of(store.renew(head.id, epoch=1, lease_until_ms=NOW_MS))
        assert cost == units
        slot = Slot(page=1, count=0, base=2, frames_bytes=0)
        cost, _ = await bill.of(store.append(head.id, slot=slot, epoch=1, frames=frames, taken=()))
        assert cost == units

    play()


@in_virtual_time
async def test_a_large_value_of_state_is_billed_when_it_is_written() -> None:
    """A large value lives in an item of its own: entering and leaving its key costs no more than without it."""
    bill = Bill()
    store, key = bill.store, KeyRef(service="Counter", key="k")
    await store.enter_free(key, "inv_a")
    cost, _ = await bill.of(store.apply(key, ticket=0, invocation_id="inv_a", index=1, writes=writes(b"x" * 10_000)))
    assert cost == 1 + 10
    left = store.leave(key, ticket=0, invocation_id="inv_a", writes=NOTHING, next_holder=None)
    assert await bill.of(left) == ONE_WRITE
    assert await bill.of(store.enter_free(key, "inv_b")) == ONE_WRITE
