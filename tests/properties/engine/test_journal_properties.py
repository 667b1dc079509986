"""The journal in memory: its index says what the entries say, however they came in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast_engine import operations
from holdfast_engine.journal import Journal, leaf_of, type_of
from holdfast_engine.pages import open_slot, slot_behind, slot_in_head
from holdfast_engine.records import Head, Note, Page, Slot
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import HEADER_BYTES, encode_frame
from holdfast_protocol.messages import MessageType, decode, encode_notification, is_command
from tests.properties.engine import strategies as own
from tests.support import wire_frames as f

IMMEDIATE = {
    MessageType.GET_LAZY_STATE,
    MessageType.GET_LAZY_STATE_KEYS,
    MessageType.GET_PROMISE,
    MessageType.PEEK_PROMISE,
    MessageType.CALL,
    MessageType.ONE_WAY_CALL,
    MessageType.ATTACH_INVOCATION,
    MessageType.GET_INVOCATION_OUTPUT,
}


def journal_of(entries: list[bytes]) -> Journal:
    journal = Journal.of((own.head().page,), slot_in_head(own.head()))
    for entry in entries:
        journal.add(entry)
    return journal


def reference_leaf(frame: bytes) -> tuple[str, int | str]:
    message = pb.Notification.FromString(frame[HEADER_BYTES:])
    match message.WhichOneof("id"):
        case "signal_id":
            return "s", message.signal_id
        case "signal_name":
            return "n", message.signal_name
        case _:
            return "c", message.completion_id


def notifications() -> st.SearchStrategy[pb.Notification]:
    """Notifications with an id of any kind and size; serialised by protobuf as any writer may."""
    ids = st.one_of(
        st.builds(lambda number: {"completion_id": number}, st.integers(0, 2**32 - 1)),
        st.builds(lambda number: {"signal_id": number}, st.integers(0, 2**32 - 1)),
        st.builds(lambda name: {"signal_name": name}, st.text(max_size=20)),
        st.just({}),
    )
    return st.builds(
        lambda id_, content: pb.Notification(**id_, value=pb.Value(content=content)), ids, st.binary(max_size=20)
    )


@given(notifications(), st.sampled_from([MessageType.RUN_COMPLETION, MessageType.SIGNAL]))
def test_the_short_cut_to_a_leaf_agrees_with_protobuf(message: pb.Notification, kind: MessageType) -> None:
    """Reading only the id of a notification gives what reading all of it gives."""
    frame = encode_notification(kind, message)
    assert leaf_of(frame) == reference_leaf(frame)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=10))
def test_a_notification_whose_id_comes_last_is_read_too(number: int, content: bytes) -> None:
    """Fields may stand in any order on the wire."""
    last = pb.Notification(completion_id=number).SerializeToString()
    body = pb.Notification(value=pb.Value(content=content)).SerializeToString() + last
    frame = encode_frame(MessageType.RUN_COMPLETION, body)
    assert leaf_of(frame) == ("c", number)


@given(own.entries())
def test_the_index_equals_its_recomputation(entries: list[bytes]) -> None:
    """What is resolved, asleep, open and output is what a plain walk over the entries finds."""
    journal = journal_of(entries)
    resolved: dict[tuple[str, int | str], int] = {}
    sleeps: dict[int, int] = {}
    open_: dict[int, int] = {}
    output = None
    for index, entry in enumerate([f.input_(), *entries]):
        kind, message = type_of(entry), decode(entry)
        if not is_command(kind):
            leaf = reference_leaf(entry)
            if leaf[0] == "c":
                resolved.setdefault(leaf, index)
                sleeps.pop(int(leaf[1]), None)
                open_.pop(int(leaf[1]), None)
            else:
                resolved[leaf] = index
        elif isinstance(message, pb.SleepCommand):
            sleeps[message.result_completion_id] = message.wake_up_time
        elif isinstance(message, pb.CallCommand | pb.OneWayCallCommand):
            open_[message.invocation_id_notification_idx] = index
        elif isinstance(message, pb.GetLazyStateCommand):
            open_[message.result_completion_id] = index
        elif kind == MessageType.OUTPUT:
            output = index
    assert journal.resolved == resolved
    assert journal.sleeps == sleeps
    assert journal.unanswered == open_
    assert journal.output_index == output
    assert journal.commands == 1 + sum(is_command(type_of(entry)) for entry in entries)
    assert {kind for _, kind, _ in journal.commands_between(0, len(journal))} <= {
        type_of(entry) for entry in [f.input_(), *entries]
    }


notes = st.lists(
    st.one_of(
        st.builds(lambda n, frame: Note(key=f"s#{n}", frame=frame), st.integers(0, 5), own.signals()),
        st.builds(
            lambda n, content: Note(key=f"c#{n}", frame=f.run_result(n, content)), own.completion_ids, own.contents
        ),
    ),
    max_size=12,
)


@given(own.entries(), notes)
def test_merging_is_idempotent(entries: list[bytes], arrived: list[Note]) -> None:
    """Notes merged a second time, in whatever order, add nothing."""
    journal = journal_of(entries)
    for note in arrived:
        journal.add_note(note)
    once = list(journal.entries)
    for note in [*arrived, *reversed(arrived)]:
        journal.add_note(note)
    assert journal.entries == once
    assert journal.entries[: 1 + len(entries)] == [f.input_(), *entries]


@given(own.entries(), notes)
def test_what_was_stored_is_not_merged_again(entries: list[bytes], arrived: list[Note]) -> None:
    """A journal that is read back knows by its entries and tokens which notes it has taken."""
    journal = journal_of(entries)
    for note in arrived:
        journal.add_note(note)
    page = Page(epoch=1, base=0, frames=tuple(journal.entries), taken=journal.pending_taken)
    again = Journal.of((page,), slot_in_head(own.head(page=page)))
    for note in arrived:
        again.add_note(note)
    assert again.entries == journal.entries
    assert again.pending == ()
    assert again.pending_taken == ()


@given(own.entries(), st.integers(own.NOW_MS - 5, own.NOW_MS + 5))
def test_due_sleeps_are_completed_once_and_in_order(entries: list[bytes], now_ms: int) -> None:
    """Exactly the open sleeps that are over get their completion, the earliest end first."""
    journal = journal_of(entries)
    due = sorted((wake_at, number) for number, wake_at in journal.sleeps.items() if wake_at <= now_ms)
    before = len(journal)
    for _ in range(2):
        journal.add_due_sleeps(now_ms)
        added = [leaf_of(entry)[1] for entry in journal.entries[before:]]
        assert added == [number for _, number in due]
    following = journal.next_due_ms(after_ms=now_ms)
    assert following == min((wake_at for wake_at in journal.sleeps.values() if wake_at > now_ms), default=None)


appends = st.lists(st.tuples(st.lists(st.integers(1, 1500), min_size=1, max_size=3), st.booleans()), max_size=30)


@given(appends)
def test_pages_and_slots_make_a_round_trip(plan: list[tuple[list[int], bool]]) -> None:
    """Appended page by page, a journal reads back as it was, and the slot of its reader is that of its writer."""
    head, pages, written = own.head(), list[Page](), [f.input_()]
    slot = slot_in_head(head)
    for number, (sizes, has_token) in enumerate(plan):
        frames = tuple(f.run(1 + index, "x" * size) for index, size in enumerate(sizes))
        taken = (f"s#{number}",) if has_token else ()
        head, slot = _append(head, pages, slot, frames, taken)
        written += frames
    journal = Journal.of((head.page, *pages), open_slot(head, pages))
    assert journal.entries == written
    assert journal.durable == len(written)
    assert journal.taken.keys() == {f"s#{number}" for number, (_, has_token) in enumerate(plan) if has_token}
    assert (journal.slot.page, journal.slot.count, journal.slot.base) == (slot.page, slot.count, slot.base)
    base = 0
    for page in (head.page, *pages):
        assert page.base == base
        base += page.count
    assert all(page.closed for page in (head.page, *pages)[:-1])


def _append(
    head: Head, pages: list[Page], slot: Slot, frames: tuple[bytes, ...], taken: tuple[str, ...]
) -> tuple[Head, Slot]:
    if slot.page == 0:
        after = operations.append_to_head(head, slot=slot, epoch=1, frames=frames, taken=taken)
        assert after is not None
        return after, slot_behind(slot, frames, taken)
    before = pages[slot.page - 1] if slot.page <= len(pages) else None
    page = operations.append_to_page(before, slot=slot, epoch=1, frames=frames, taken=taken)
    assert page is not None
    pages[slot.page - 1 :] = [page]
    return head, slot_behind(slot, frames, taken)
