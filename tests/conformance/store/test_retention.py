"""What has ended goes: its notes, its later pages, its place in a queue, the state and promises of its workflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_engine.pages import slot_in_head
from holdfast_engine.ports import Fenced, Loaded, Store
from holdfast_engine.records import (
    Failure,
    Head,
    Kept,
    KeyRef,
    Kind,
    Note,
    Outcome,
    Page,
    Sink,
    Slot,
    StateWrites,
    Status,
    Target,
)
from holdfast_protocol.ids import encode_invocation_id

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
ID = encode_invocation_id(bytes(range(24)))
KEY = KeyRef(service="W", key="k")
FAILURE = Failure(code=409, message="killed")
STEP = (b"c" * 25, b"n" * 114)


def head_of_run(*, nonce: str = "aa" * 12, created_ms: int = NOW_MS) -> Head:
    """Return a run of a workflow as its creator puts it."""
    return Head(
        id=ID,
        target=Target(service="W", key="k", handler="run"),
        kind=Kind.WORKFLOW,
        status=Status.RUNNING,
        epoch=1,
        created_ms=created_ms,
        modified_ms=created_ms,
        last_entry_ms=created_ms,
        page=Page(epoch=1, base=0, frames=(b"i" * 60,)),
        nonce=nonce,
        lease_until_ms=created_ms + 30_000,
        is_open=True,
        completion_retention_ms=DAY_MS,
        journal_retention_ms=DAY_MS,
    )


async def _long_journal(store: Store, head: Head, steps: int) -> None:
    slot = slot_in_head(head)
    for _ in range(steps):
        behind = await store.append(head.id, slot=slot, epoch=head.epoch, frames=STEP, taken=())
        assert not isinstance(behind, Fenced)
        slot = behind


async def _loaded(store: Store) -> Loaded:
    loaded = await store.load(ID, epoch=None)
    assert isinstance(loaded, Loaded)
    return loaded


async def _ended_run(store: Store, *, steps: int = 20) -> Head:
    """Run a workflow with a long journal and a note, and end it."""
    head = head_of_run()
    assert await store.create(head) is None
    await _long_journal(store, head, steps)
    await store.note(ID, Note(key="c#1", frame=b"f" * 20))
    killed = await store.kill(ID, failure=FAILURE, now_ms=NOW_MS + 1)
    assert killed is not None
    return killed


async def test_a_stripped_journal_is_gone_and_the_outcome_stays(store: Store) -> None:
    """Of a journal that is let go of only the frame stays that the outcome is in; twice is as once."""
    ended = await _ended_run(store)
    stripped = await store.strip(ID, nonce=ended.nonce, kept=Kept.OUTCOME, output=b"o" * 30)
    assert stripped == await store.head(ID)
    assert stripped is not None
    assert (stripped.kept, stripped.page.frames, stripped.outcome_index) == (Kept.OUTCOME, (b"o" * 30,), 0)
    assert (stripped.outcome, stripped.completed_ms) == (ended.outcome, ended.completed_ms)
    assert await store.strip(ID, nonce=ended.nonce, kept=Kept.OUTCOME, output=b"o" * 30) is None
    await store.retire(ID, head=ended, expires_ms=NOW_MS + 2, is_thorough=True)
    assert await _loaded(store) == Loaded(head=stripped, pages=(), notes=())


async def test_a_head_that_says_its_outcome_needs_no_frame(store: Store) -> None:
    """An outcome that no entry holds stays where it is, and no entry is left."""
    ended = await _ended_run(store, steps=1)
    stripped = await store.strip(ID, nonce=ended.nonce, kept=Kept.OUTCOME, output=None)
    assert stripped == replace(
        ended, kept=Kept.OUTCOME, page=Page(epoch=ended.epoch, base=0, frames=()), outcome_index=None
    )
    assert stripped == await store.head(ID)


@pytest.mark.parametrize("before", [Kept.JOURNAL, Kept.OUTCOME])
async def test_nothing_stays_but_that_it_was_there(store: Store, before: Kept) -> None:
    """A purged invocation keeps its id, its nonce and its times, and neither outcome nor journal nor sinks."""
    ended = await _ended_run(store)
    if before is Kept.OUTCOME:
        await store.strip(ID, nonce=ended.nonce, kept=Kept.OUTCOME, output=b"o" * 30)
    stripped = await store.strip(ID, nonce=ended.nonce, kept=Kept.NOTHING, output=None)
    assert stripped == await store.head(ID)
    assert stripped is not None
    assert (stripped.nonce, stripped.completed_ms) == (ended.nonce, ended.completed_ms)
    assert (stripped.outcome, stripped.outcome_index, stripped.page.frames, stripped.sinks) == (None, None, (), ())
    for kept in Kept:
        assert await store.strip(ID, nonce=ended.nonce, kept=kept, output=None) is None


async def test_only_the_ended_one_is_stripped(store: Store) -> None:
    """What has not ended, or belongs to another by now, loses nothing."""
    head = head_of_run()
    await store.create(head)
    assert await store.strip(ID, nonce=head.nonce, kept=Kept.NOTHING, output=None) is None
    ended = await store.kill(ID, failure=FAILURE, now_ms=NOW_MS + 1)
    assert await store.strip(ID, nonce="bb" * 12, kept=Kept.NOTHING, output=None) is None
    assert await store.head(ID) == ended


async def test_retiring_drops_notes_and_keeps_the_journal(store: Store) -> None:
    """What is retired has no notes any more, and reads the same otherwise until it expires; twice is as once."""
    ended = await _ended_run(store)
    before = await _loaded(store)
    assert len(before.notes) == 1
    for _ in range(2):
        await store.retire(ID, head=ended, expires_ms=NOW_MS + DAY_MS, is_thorough=True)
        assert await _loaded(store) == replace(before, notes=())


async def test_retiring_what_does_not_exist_is_fine(store: Store) -> None:
    """A late note to an invocation that is gone is cleared away without a trace."""
    await store.note(ID, Note(key="c#1", frame=b"f" * 20))
    await store.retire(ID, head=None, expires_ms=NOW_MS, is_thorough=True)
    assert await store.notes(ID) == ()
    assert await store.load(ID, epoch=None) is None


async def test_pages_without_a_head_are_let_go_of(store: Store) -> None:
    """What a restart has put in front of a head that never came is nobody's, whoever gets that id."""
    slot = Slot(page=1, count=0, base=1, frames_bytes=0)
    await store.append(ID, slot=slot, epoch=0, frames=STEP, taken=())
    await store.retire(ID, head=None, expires_ms=NOW_MS - DAY_MS * 1000, is_thorough=True)
    first = Page(epoch=1, base=0, frames=(b"i" * 60,), closed=True)
    head = replace(head_of_run(), page=first)
    assert await store.create(head) is None
    assert await _loaded(store) == Loaded(head=head, pages=(), notes=())


async def test_forgetting_deletes_everything(store: Store) -> None:
    """A completed invocation that is forgotten leaves nothing; another nonce, or a running one, is left alone."""
    await _ended_run(store)
    assert not await store.forget(ID, nonce="bb" * 12)
    assert await store.forget(ID, nonce="aa" * 12)
    assert not await store.forget(ID, nonce="aa" * 12)
    assert await store.head(ID) is None
    assert await store.notes(ID) == ()
    assert await store.create(head_of_run(nonce="bb" * 12)) is None
    assert not await store.forget(ID, nonce="bb" * 12)
    assert (await _loaded(store)).pages == ()


async def test_expired_heads_are_found(store: Store) -> None:
    """A completed head is expired when its retention is over, and not a moment before."""
    ended = await _ended_run(store, steps=1)
    assert ended.completed_ms is not None
    expires_ms = ended.completed_ms + DAY_MS
    # The embedded store keeps what has effects outstanding, until its wake-ups tell it that there are none.
    getattr(store, "settled", lambda _: None)(ID)
    assert await store.expired(now_ms=expires_ms - 1, limit=10) == []
    assert [head.id for head in await store.expired(now_ms=expires_ms, limit=10)] == [ID]


@pytest.mark.parametrize("steps", [3, 20])
async def test_a_new_run_under_the_same_id_starts_empty(store: Store, steps: int) -> None:
    """An invocation created anew, under an id derived from its key, has nothing of the one before in its journal."""
    ended = await _ended_run(store)
    await store.retire(ID, head=ended, expires_ms=NOW_MS + DAY_MS, is_thorough=True)
    assert await store.forget(ID, nonce=ended.nonce)
    later = head_of_run(nonce="bb" * 12, created_ms=NOW_MS + 2 * DAY_MS)
    assert await store.create(later) is None
    await _long_journal(store, later, steps)
    loaded = await _loaded(store)
    assert loaded.notes == ()
    assert loaded.head.page.count + sum(page.count for page in loaded.pages) == 1 + 2 * steps


async def test_a_place_in_a_queue_is_forgotten(store: Store) -> None:
    """The wait item of a ticket that was served can be dropped, and no other goes with it."""
    await store.enter_free(KEY, "inv_a")
    for waiter in ("inv_b", "inv_c"):
        ticket = await store.take_ticket(KEY)
        assert ticket is not None
        await store.put_wait(KEY, ticket=ticket.number, invocation_id=waiter)
    nothing = StateWrites(clear_all=False, values=())
    await store.leave(KEY, ticket=0, invocation_id="inv_a", writes=nothing, next_holder="inv_b")
    await store.leave(KEY, ticket=1, invocation_id="inv_b", writes=nothing, next_holder="inv_c")
    await store.forget_wait(KEY, ticket=1)
    assert await store.waits(KEY, from_ticket=1, limit=10) == ((2, "inv_c"),)


async def test_a_key_is_forgotten_with_its_run(store: Store) -> None:
    """State and promises of a key go with the run that has ended, and with no other one's word."""
    ended = await _ended_run(store, steps=1)
    await store.enter_free(KEY, "inv_a")
    values = (("small", b"s"), ("large", b"l" * 5_000))
    writes = StateWrites(clear_all=False, values=values)
    await store.leave(KEY, ticket=0, invocation_id="inv_a", writes=writes, next_holder=None)
    await store.complete_promise(KEY, "p", outcome=Outcome(value=b"v"), by="inv_a.1")
    await store.listen_promise(KEY, "q", Sink(invocation_id=ID, completion_id=1, completion_type=0x8009))
    assert (await store.keyed(KEY, with_state=True)).state == dict(values)
    await store.forget_key(KEY, run_id=ID, nonce="bb" * 12)
    assert (await store.keyed(KEY, with_state=True)).state == dict(values)
    assert await store.promise(KEY, "p") is not None
    await store.forget_key(KEY, run_id=ID, nonce=ended.nonce)
    assert (await store.keyed(KEY, with_state=True)).state == {}
    assert await store.promise(KEY, "p") is None
    assert await store.promise(KEY, "q") is None
    entered = await store.enter_free(KEY, "inv_b")
    assert entered is not None
    assert entered.state == {}


async def test_a_retired_key_can_be_read_until_it_expires(store: Store) -> None:
    """Marking a key does not touch what it holds, and whoever enters it afterwards is not in danger."""
    await store.enter_free(KEY, "inv_a")
    writes = StateWrites(clear_all=False, values=(("n", b"1"),))
    await store.leave(KEY, ticket=0, invocation_id="inv_a", writes=writes, next_holder=None)
    await store.complete_promise(KEY, "p", outcome=Outcome(value=b"v"), by="inv_a.1")
    far_ms = 4_000_000_000_000
    for _ in range(2):
        await store.retire_key(KEY, expires_ms=far_ms)
        assert (await store.keyed(KEY, with_state=True)).state == {"n": b"1"}
        promise = await store.promise(KEY, "p")
        assert promise is not None
        assert promise.outcome == Outcome(value=b"v")
    entered = await store.enter_free(KEY, "inv_b")
    assert entered is not None
    assert entered.state == {"n": b"1"}
