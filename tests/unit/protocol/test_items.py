"""Sort keys of the journal table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_protocol.items import HEAD_SORT, page_of, page_sort, sort_of

pages = st.integers(1, 10**9)


def test_the_first_pages() -> None:
    """The head comes first and holds page 0; short journals have short keys."""
    assert [sort_of(page) for page in (0, 1, 9, 10, 123)] == ["h", "p1", "p9", "q10", "r123"]


@given(pages, pages)
def test_keys_sort_as_numbers_do(one: int, other: int) -> None:
    """A query returns the pages in their order, behind the head."""
    assert (page_sort(one) < page_sort(other)) == (one < other)
    assert page_sort(one) > HEAD_SORT


@given(st.integers(0, 10**9))
def test_a_key_names_its_page(page: int) -> None:
    """The number comes back from the key."""
    assert page_of(sort_of(page)) == page


@pytest.mark.parametrize("sort", ["", "p", "p0", "p01", "p10", "q1", "n#c#1", "p1x", "p\u0661", "H"])
def test_other_keys_name_no_page(sort: str) -> None:
    """What is not written by us as a page's key is not read as one."""
    assert page_of(sort) is None
