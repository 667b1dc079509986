"""Records survive as items, and weigh what the engine says they weigh."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast_aws import items
from holdfast_aws.models import HeadItem, NoteItem, PageItem, bound
from holdfast_engine.records import Head, Note, Page
from holdfast_engine.weights import head_bytes, note_bytes, page_bytes
from tests.support.records import heads, invocation_ids, pages

_HEAD = bound(HeadItem, "journal")
_PAGE = bound(PageItem, "journal")
_NOTE = bound(NoteItem, "journal")


@given(heads())
def test_a_head_survives(head: Head) -> None:
    """A head comes back from its item as it was."""
    assert items.head_of(items.head_item(_HEAD, head).serialize()) == head


@given(heads())
def test_a_head_weighs_what_it_is_billed(head: Head) -> None:
    """The engine's figure for a head is the weight of its item, to the byte."""
    assert items.item_bytes(items.head_item(_HEAD, head).serialize()) == head_bytes(head)


@given(invocation_ids, st.integers(1, 2000), pages())
def test_a_page_survives_and_weighs_what_it_is_billed(invocation_id: str, number: int, page: Page) -> None:
    """A page comes back with its number, and its weight is the engine's figure."""
    raw = items.page_item(_PAGE, invocation_id, number, page, expires_s=1_800_000_001).serialize()
    assert items.page_in(raw) == (number, page, 1_800_000_001)
    assert items.item_bytes(raw) == page_bytes(page, invocation_id=invocation_id, number=number)


@given(invocation_ids, st.sampled_from(["c#1", "s#17", "s#inv_x.3"]), st.binary())
def test_a_note_survives_and_weighs_what_it_is_billed(invocation_id: str, key: str, frame: bytes) -> None:
    """A note comes back with its key, and its weight is the engine's figure."""
    note = Note(key=key, frame=frame)
    raw = items.note_item(
        _NOTE, invocation_id, note, arrival=1_732_250_000_123_457, expires_s=1_800_000_001
    ).serialize()
    assert items.note_in(raw) == (1_732_250_000_123_457, note)
    assert items.item_bytes(raw) == note_bytes(note, invocation_id=invocation_id)


@given(st.lists(st.integers(0, 10**12)))
def test_ordinals_sort_as_numbers(numbers: list[int]) -> None:
    """Texts of tickets stand in the order of the tickets."""
    texts = sorted(map(items.ordinal, numbers))
    assert [items.ordinal_of(text) for text in texts] == sorted(numbers)
