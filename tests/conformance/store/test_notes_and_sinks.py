"""What reaches an invocation from outside: notes, and those who want its outcome."""

from __future__ import annotations

from holdfast_engine.ports import Loaded, Store
from holdfast_engine.records import Head, Note, Status
from tests.conformance.store.samples import CANCELED, NOW_MS, change, created, in_status, new_head, new_sink
from tests.support import wire_frames as f


async def test_notes_come_in_the_order_of_their_arrival(store: Store) -> None:
    """Notes are had in the order in which they were written, whatever their keys."""
    head = await created(store, new_head())
    keys = ("s#z", "c#9", "s#a", "c#1", "c#10")
    notes = tuple(Note(key=key, frame=f.signal(number)) for number, key in enumerate(keys, 1))
    for note in notes:
        assert await store.note(head.id, note)
    assert await store.notes(head.id) == notes
    assert await store.load(head.id, epoch=1) == Loaded(head=head, pages=(), notes=notes)


async def test_a_note_is_found_by_its_key(store: Store) -> None:
    """A note is there from when it was written on, under its own key and for its own invocation."""
    one, other = await created(store, new_head()), await created(store, new_head())
    assert not await store.has_note(one.id, "c#1")
    assert await store.note(one.id, Note(key="c#1", frame=f.signal(17)))
    assert await store.has_note(one.id, "c#1")
    assert not await store.has_note(one.id, "c#10")
    assert not await store.has_note(other.id, "c#1")


async def test_the_first_note_of_a_key_wins(store: Store) -> None:
    """A second note of one key is refused, and what it says is not kept."""
    head = await created(store, new_head())
    first = Note(key="c#2", frame=f.signal(17, b"first"))
    assert await store.note(head.id, first)
    assert not await store.note(head.id, Note(key="c#2", frame=f.signal(17, b"second")))
    assert await store.notes(head.id) == (first,)


async def test_notes_belong_to_their_invocation(store: Store) -> None:
    """One key of two invocations is two notes."""
    one, other = await created(store, new_head()), await created(store, new_head())
    note = Note(key="c#2", frame=f.signal(17))
    assert await store.note(one.id, note)
    assert await store.note(other.id, note)


async def test_many_notes_keep_their_order(store: Store) -> None:
    """A hundred notes written one after the other come back in that order."""
    head = await created(store, new_head())
    for number in range(100):
        assert await store.note(head.id, Note(key=f"c#{number}", frame=f.signal(number)))
    assert [note.key for note in await store.notes(head.id)] == [f"c#{number}" for number in range(100)]


async def test_a_sink_is_added_to_what_has_not_ended(store: Store) -> None:
    """Whoever attaches in time is among the sinks, behind those there."""
    first, second = new_sink(), new_sink()
    for status in Status:
        if status is Status.COMPLETED:
            continue
        head = await created(store, in_status(status, sinks=(first,)))
        assert await store.attach(head.id, second) is None
        now = await store.head(head.id)
        assert now is not None
        assert now.sinks == (first, second)
        assert now.status is status


async def test_an_attach_that_comes_too_late_gets_the_outcome(store: Store) -> None:
    """Whoever attaches to what has ended is answered with it, and is not added."""
    head = await created(store, in_status(Status.COMPLETED))
    assert await store.attach(head.id, new_sink()) == head
    assert await store.head(head.id) == head


async def test_the_end_names_everybody_who_attached(store: Store) -> None:
    """The commit that ends an invocation answers all sinks, also those its attempt has never heard of."""
    head = await created(store, new_head(sinks=(new_sink(),)))
    late = new_sink()
    assert await store.attach(head.id, late) is None
    after = await store.commit(head.id, epoch=1, change=change(head, Status.COMPLETED, outcome_index=0))
    assert isinstance(after, Head)
    assert after.sinks == (*head.sinks, late)


async def test_a_kill_names_everybody_who_attached(store: Store) -> None:
    """So does the end by a kill, or by the cancellation of what has not started."""
    for status in (Status.RUNNING, Status.QUEUED):
        head = await created(store, in_status(status))
        late = new_sink()
        assert await store.attach(head.id, late) is None
        end = store.kill if status is Status.RUNNING else store.cancel_unstarted
        after = await end(head.id, failure=CANCELED, now_ms=NOW_MS)
        assert after is not None
        assert after.sinks == (late,)
