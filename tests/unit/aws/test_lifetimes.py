"""Pages and notes go by themselves when their invocation has ended, and never before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

import holdfast
from holdfast_aws.lifetimes import DAY_MS, USUAL_LIFETIMES
from holdfast_aws.store import DynamoStore
from holdfast_aws.upkeep_walks import JOURNALS_EVERY_MS
from holdfast_aws.walks import Walk
from holdfast_engine.errors import JournalDamaged
from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import Fenced, Loaded
from holdfast_engine.records import Failure, Head, Note, Slot, Status
from holdfast_engine.upkeep import wake_all
from tests.bench.cost.cloud import Cloud, open_cloud
from tests.bench.cost.queue import LeapingClock
from tests.conformance.store.samples import change, new_head
from tests.support.dynamo_stores import client_of, new_store
from tests.support.dynoxide import Dynoxide
from tests.support.expiring import items_of, let_expire, marks_of

HOUR_MS = 3_600_000
RETENTION_MS = DAY_MS
STEP = (b"c" * 25, b"n" * 500)
FAILURE = Failure(code=409, message="killed")


class Hand:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Hand:
    """The clock of the store."""
    return Hand()


@pytest.fixture
def store(dynoxide: Dynoxide, clock: Hand) -> Iterator[DynamoStore]:
    """A store on tables of its own."""
    store = new_store(client_of(dynoxide.url), clock=clock)
    yield store
    store.close()


async def begun(
    store: DynamoStore, clock: Hand, *, steps: int = 4, has_note: bool = True, **changes: Any
) -> tuple[Head, Slot]:
    """Return an invocation that has taken steps and got a note, and where its next append goes."""
    head = new_head(created_ms=clock.ms, completion_retention_ms=RETENTION_MS, journal_retention_ms=RETENTION_MS)
    head = replace(head, **changes)
    assert await store.create(head) is None
    slot = await append(store, head, slot_in_head(head), steps=steps)
    if has_note:
        await store.note(head.id, Note(key="c#9", frame=b"f" * 20))
    return head, slot


async def append(store: DynamoStore, head: Head, slot: Slot, *, steps: int) -> Slot:
    for _ in range(steps):
        behind = await store.append(head.id, slot=slot, epoch=head.epoch, frames=STEP, taken=())
        assert isinstance(behind, Slot)
        slot = behind
    return slot


async def ended(store: DynamoStore, clock: Hand, head: Head) -> Head:
    """End an invocation, and do what the engine does then."""
    after = await store.commit(head.id, epoch=1, change=replace(change(head, Status.COMPLETED), modified_ms=clock.ms))
    assert isinstance(after, Head)
    await store.retire(head.id, head=head, expires_ms=clock.ms + RETENTION_MS, is_thorough=False)
    return after


async def whole(store: DynamoStore, head: Head) -> Loaded:
    loaded = await store.load(head.id, epoch=None)
    assert isinstance(loaded, Loaded)
    return loaded


async def test_one_that_ends_in_time_pays_for_no_mark(store: DynamoStore, clock: Hand) -> None:
    """Pages and notes are born with a time to live that covers the retention; the end writes nothing more."""
    head, _ = await begun(store, clock)
    clock.ms += 23 * HOUR_MS
    await ended(store, clock, head)
    marks = await marks_of(store, head.id)
    assert len(marks) > 3
    assert store.meter.retention_units == 0
    for sort, expires_s in marks.items():
        assert expires_s is not None
        # A note is nothing to anybody behind the end.
        assert expires_s * 1000 >= clock.ms + (0 if sort.startswith("n") else RETENTION_MS), sort


async def test_a_journal_is_there_for_its_whole_retention(store: DynamoStore, clock: Hand) -> None:
    """Whenever an invocation ends, its journal is there until its retention is over, and gone some time after."""
    for age_ms in (0, 23 * HOUR_MS, 30 * HOUR_MS, 5 * DAY_MS, 40 * DAY_MS):
        head, _ = await begun(store, clock)
        began_ms = clock.ms
        while clock.ms < began_ms + age_ms:
            clock.ms = min(clock.ms + JOURNALS_EVERY_MS, began_ms + age_ms)
            await store.keep_stretch(None)
            await let_expire(store, now_ms=clock.ms)
        after = await ended(store, clock, head)
        journal = await whole(store, head)
        clock.ms += RETENTION_MS - 1
        await let_expire(store, now_ms=clock.ms)
        assert (await whole(store, head)).pages == journal.pages
        assert after.page.count + sum(page.count for page in journal.pages) == 1 + 8
        clock.ms += USUAL_LIFETIMES.spare_ms + HOUR_MS
        await let_expire(store, now_ms=clock.ms)
        assert await items_of(store, head.id) == {}


@pytest.mark.parametrize("by", ["walk", "load", "recover"])
async def test_what_grows_old_is_kept(store: DynamoStore, clock: Hand, by: str) -> None:
    """The walk, a load and recovery each take the time to live from all that an old unfinished invocation has."""
    head, slot = await begun(store, clock)
    clock.ms += 25 * HOUR_MS
    match by:
        case "walk":
            await store.keep_stretch(None)
        case "load":
            await whole(store, head)
        case _:
            await wake_all(store, NoWakeups())
    assert set((await marks_of(store, head.id)).values()) == {None}
    # What comes later is born without one.
    await append(store, head, slot, steps=3)
    assert {sort for sort, expires_s in (await marks_of(store, head.id)).items() if expires_s} == set()
    clock.ms += 1000 * DAY_MS
    assert await let_expire(store, now_ms=clock.ms) == []
    assert sum(page.count for page in (await whole(store, head)).pages) + 3 >= 14


class NoWakeups:
    async def wake(self, invocation_id: str, *, not_before_ms: int | None) -> None:
        pass

    async def check_key(self, key: Any, *, not_before_ms: int | None) -> None:
        pass

    async def announce(self, invocation_id: str) -> bool:
        return False

    async def watchdog(self, invocation_id: str) -> None:
        pass

    async def settled(self, invocation_id: str) -> None:
        pass


async def test_nobody_is_kept_too_early(store: DynamoStore, clock: Hand) -> None:
    """While pages are still born marked nothing is lifted: it would be paid for, and some might be missed."""
    head, _ = await begun(store, clock)
    before = await marks_of(store, head.id)
    clock.ms += 25 * HOUR_MS - 1
    await store.keep_stretch(None)
    await store.keep(head.id)
    await whole(store, head)
    assert await marks_of(store, head.id) == before


async def test_one_that_was_kept_is_marked_when_it_ends(store: DynamoStore, clock: Hand) -> None:
    """What has lost its time to live gets one with the end, and its notes are deleted."""
    head, _ = await begun(store, clock)
    clock.ms += 3 * DAY_MS
    await store.keep_stretch(None)
    await ended(store, clock, head)
    marks = await marks_of(store, head.id)
    assert all(sort.startswith("p") for sort in marks)
    assert all(expires_s and expires_s * 1000 >= clock.ms + RETENTION_MS for expires_s in marks.values())
    assert len((await whole(store, head)).pages) == len(marks)


async def test_an_end_beats_a_lift(store: DynamoStore, clock: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that has read an invocation which then ends lifts nothing: its pages still go."""
    # A note would be gone by then, and its absence alone would refuse the lift.
    head, _ = await begun(store, clock, has_note=False)
    clock.ms += 2 * DAY_MS
    write_guarded = store.dynamo.write_guarded

    async def too_late(guard: Any, writes: Any) -> bool:
        await ended(store, clock, head)
        return await write_guarded(guard, writes)

    monkeypatch.setattr(store.dynamo, "write_guarded", too_late)
    await store.keep(head.id)
    assert None not in (await marks_of(store, head.id)).values()


async def test_a_page_of_an_earlier_run_is_no_page(store: DynamoStore, clock: Hand) -> None:
    """A new run under the id of one whose head has expired, pages not yet, begins with an empty journal of its own."""
    head, _ = await begun(store, clock)
    after = await ended(store, clock, head)
    clock.ms += RETENTION_MS + HOUR_MS
    assert await let_expire(store, now_ms=clock.ms) == ["h"]
    left_over = await marks_of(store, head.id)
    assert len(left_over) > 3
    again, slot = await begun(store, clock, steps=0, id=head.id, nonce="cc" * 12)
    assert (await whole(store, again)).pages == ()
    assert after.nonce != again.nonce
    slot = await append(store, again, slot, steps=2)
    claimed = await store.claim_slot(again.id, page=slot.page, base=slot.base, epoch=2)
    assert claimed is not None
    assert (claimed.count, claimed.epoch) == (slot.count, 2)
    loaded = await whole(store, again)
    assert sum(page.count for page in (loaded.head.page, *loaded.pages)) == 1 + 4
    # Nor does keeping the new one keep them: without a time to live they would be taken for its own.
    clock.ms += 26 * HOUR_MS
    await store.keep(again.id)
    kept = [sort for sort, expires_s in (await marks_of(store, again.id)).items() if expires_s is None]
    assert len([sort for sort in kept if sort.startswith("p")]) == len(loaded.pages)


async def test_a_zombie_of_an_earlier_run_cannot_append(store: DynamoStore, clock: Hand) -> None:
    """Who still holds the slot of a run that is over is fenced by the new run's page."""
    head, slot = await begun(store, clock)
    await ended(store, clock, head)
    clock.ms += RETENTION_MS + HOUR_MS
    await let_expire(store, now_ms=clock.ms)
    again, _ = await begun(store, clock, steps=0, id=head.id, nonce="cc" * 12)
    assert await store.claim_slot(again.id, page=slot.page, base=1, epoch=2) is not None
    fenced = await store.append(head.id, slot=slot, epoch=1, frames=STEP, taken=())
    assert isinstance(fenced, Fenced)


async def test_a_closed_first_page_alone_is_whole_once_it_is_kept(store: DynamoStore, clock: Hand) -> None:
    """An old invocation whose only page is full is not taken for one that has lost pages."""
    head, _ = await begun(store, clock, steps=1)
    assert (await whole(store, head)).pages == ()
    clock.ms += 2 * DAY_MS
    await store.keep_stretch(None)
    clock.ms += 100 * DAY_MS
    await let_expire(store, now_ms=clock.ms)
    loaded = await whole(store, head)
    assert loaded.head.page.closed
    assert [page.count for page in loaded.pages] == [0]


@pytest.mark.parametrize("deleted", ["all", "none", "some"])
async def test_a_late_load_never_takes_a_part_for_the_whole(store: DynamoStore, clock: Hand, deleted: str) -> None:
    """When nobody kept a journal in time a load refuses it, however much of it DynamoDB has deleted so far."""
    head, _ = await begun(store, clock, steps=6)
    clock.ms += USUAL_LIFETIMES.spare_ms + RETENTION_MS + 2000
    pages = sorted(sort for sort in await marks_of(store, head.id) if sort.startswith("p"))
    gone = {"all": pages, "none": [], "some": pages[2:]}[deleted]
    await store.dynamo.delete_many(store.models.page, [(head.id, sort) for sort in gone])
    with pytest.raises(JournalDamaged, match="expired on their own"):
        await store.load(head.id, epoch=None)


waiting = holdfast.Service("Waiting")
_EXECUTED: list[str] = []


@waiting.handler()
async def wait(ctx: holdfast.Context) -> str:
    """Take steps that fill pages, then wait for somebody."""
    for number in range(4):
        await ctx.run_typed(f"step {number}", _step, number=number)
    _, answer = ctx.awakeable(type_hint=str)
    _EXECUTED.append("waits")
    return await answer


def _step(number: int) -> str:
    _EXECUTED.append(f"step {number}")
    return "r" * 500


@pytest.fixture
async def cloud(dynoxide: Dynoxide) -> AsyncIterator[Cloud]:
    """An installation whose clock can be moved on."""
    _EXECUTED.clear()
    async with open_cloud(dynoxide.url, [waiting], dispatchers=2) as cloud:
        yield cloud


async def test_an_invocation_that_waits_for_months_loses_nothing(cloud: Cloud) -> None:
    """With walks passing by, one that waits for a hundred days goes on where it was."""
    invocation_id = await cloud.send("Waiting", "wait", b"")
    await cloud.come_to_rest()
    store, clock = cloud.ingress.store, cloud.clock
    for _ in range(50):
        clock.leap_to(clock.now_ms() + JOURNALS_EVERY_MS)
        await journal_walk(store, cloud, clock).go_on(until_ms=clock.now_ms() + 60_000)
        await let_expire(store, now_ms=clock.now_ms())
    executed = list(_EXECUTED)
    await cloud.resolve(invocation_id, b'"at last"')
    await cloud.come_to_rest()
    assert (await cloud.head(invocation_id)).status is Status.COMPLETED
    assert [*executed, "waits"] == _EXECUTED


async def test_a_damaged_journal_pauses_its_invocation(cloud: Cloud) -> None:
    """Where no walk passed by, an invocation is paused with a reason, again after a resume, and runs nothing."""
    invocation_id = await cloud.send("Waiting", "wait", b"")
    await cloud.come_to_rest()
    store, clock, executed = cloud.ingress.store, cloud.clock, list(_EXECUTED)
    clock.leap_to(clock.now_ms() + 9 * DAY_MS)
    await let_expire(store, now_ms=clock.now_ms())
    for _ in range(2):
        await cloud.ingress.world.wakeups.wake(invocation_id, not_before_ms=None)
        await cloud.come_to_rest()
        head = await cloud.head(invocation_id)
        assert head.status is Status.PAUSED
        assert head.last_failure is not None
        assert head.last_failure.rt_code == "HF-0431"
        cloud.ingress.begin()
        await cloud.ingress.engine.resume(invocation_id, deployment="keep")
    await cloud.come_to_rest()
    assert executed == _EXECUTED
    assert (await cloud.head(invocation_id)).status is Status.PAUSED
    await cloud.ingress.engine.kill(invocation_id)
    assert (await cloud.head(invocation_id)).status is Status.COMPLETED


def journal_walk(store: DynamoStore, cloud: Cloud, clock: LeapingClock) -> Walk:
    return Walk(
        store.dynamo,
        cloud.tables.timers,
        name="journals",
        clock=clock,
        every_ms=JOURNALS_EVERY_MS,
        stretch=store.keep_stretch,
    )
