"""Items of the journal table as two writers see them: the store, and a handler that appends to its own journal.

Only what both sides write or test is here, under the names it is stored by: DynamoDB bills every byte of them with
every write, so they have one letter. The store keeps more in a head, under names of its own.

One item is a head or a page. Both hold frames and say how many; a page also says where it begins in the journal.
"""

from __future__ import annotations

from typing import Final

PARTITION: Final = "p"
"""Partition key, a string: the invocation's id."""

SORT: Final = "s"
"""Sort key, a string: `HEAD_SORT`, or `page_sort` of a page."""

STATUS: Final = "t"
"""Head only, a string; `STATUS_COMPLETED` ends all appending."""

EPOCH: Final = "e"
"""A number. Of a head: the present epoch. Of a page: that of its last writer or of who claimed it."""

COUNT: Final = "n"
"""A number: how many entries the item holds."""

FRAMES: Final = "f"
"""A list of binaries: the raw frames, one per entry."""

BASE: Final = "b"
"""Page only, a number: the index of its first entry. A head's is 0."""

CLOSED: Final = "z"
"""There, and true, when the item takes no more entries; absent otherwise."""

TAKEN: Final = "a"
"""A list of strings: the tokens of the signals among the entries; absent when there are none."""

EXPIRES: Final = "x"
"""A number: when the item may go, in epoch seconds. Pages are born with it while their invocation is young, all with
the same; it is taken from them when the invocation grows old without ending.

A page whose time is an earlier one is left over from an earlier invocation of the same id: whoever appends takes it as
absent."""

STATUS_COMPLETED: Final = "c"
"""How the status "completed" is stored."""

HEAD_SORT: Final = "h"
"""The sort key of the head, which holds page 0."""

_PAGE_SORT_FIRST: Final = ord("p")


def page_sort(page: int) -> str:
    """Return the sort key of a page from 1 on: a letter for the number of digits, then the number.

    So keys stay short and a query returns pages in their order, behind the head, however many there are.
    """
    digits = str(page)
    return chr(_PAGE_SORT_FIRST - 1 + len(digits)) + digits


def sort_of(page: int) -> str:
    """Return the sort key of the item that a page lives in; page 0 lives in the head."""
    return page_sort(page) if page else HEAD_SORT


def page_of(sort: str) -> int | None:
    """Return the number of the page that a sort key names; None when it is that of another item."""
    if sort == HEAD_SORT:
        return 0
    digits = sort[1:]
    if digits.isascii() and digits.isdigit() and not digits.startswith("0") and page_sort(int(digits)) == sort:
        return int(digits)
    return None
