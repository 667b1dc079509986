"""What is remembered of what suspended invocations lack: never more than they do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast_engine.journal import Journal
from holdfast_engine.lacking import Lacking
from holdfast_engine.records import Awaiting, Head, Kind, Page, Slot, Status, Target
from holdfast_engine.trees import ALL_COMPLETED, ALL_SUCCEEDED_OR_FIRST_FAILED, FIRST_COMPLETED, group_around
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f

GROUP = (2, 4, 6)
ALL = Awaiting(combinator=ALL_COMPLETED, completions=GROUP)
HEAD = Head(
    id="inv_1",
    target=Target(service="S", key=None, handler="h"),
    kind=Kind.STATELESS,
    status=Status.SUSPENDED,
    epoch=3,
    created_ms=1,
    modified_ms=1,
    page=Page(epoch=3, base=0, frames=()),
    nonce="n",
)


def journal(*frames: bytes) -> Journal:
    journal = Journal(Slot(page=0, count=0, base=0, frames_bytes=0))
    for frame in frames:
        journal.add(frame)
    return journal


def test_what_has_come_is_not_lacked() -> None:
    """The first of a group that neither the journal holds nor a note has brought is what is lacked."""
    lacking = Lacking(10)
    lacking.note(HEAD, ALL, journal(f.completion(MessageType.CALL_COMPLETION, 2, value=f.value(b"v"))))
    assert lacking.first_of(HEAD, GROUP) == 4
    lacking.arrived(HEAD.id, 6)
    assert lacking.first_of(HEAD, GROUP) == 4
    lacking.arrived(HEAD.id, 4)
    assert lacking.first_of(HEAD, GROUP) is None


def test_no_note_is_expected_of_a_sleep() -> None:
    """A sleep among what is awaited is not lacked: nobody writes a note when it is over."""
    lacking = Lacking(10)
    lacking.note(HEAD, ALL, journal(f.sleep(2, 1_000), f.sleep(4, 1_000)))
    assert lacking.first_of(HEAD, GROUP) == 6


@pytest.mark.parametrize("other", [replace(HEAD, epoch=4), replace(HEAD, nonce="m"), replace(HEAD, id="inv_2")])
def test_nothing_is_known_of_another_epoch(other: Head) -> None:
    """What was lacked under one epoch says nothing of another one, nor of another invocation under the same id."""
    lacking = Lacking(10)
    lacking.note(HEAD, ALL, journal())
    assert lacking.first_of(HEAD, GROUP) == 2
    assert lacking.first_of(other, GROUP) is None


def test_the_longest_unmet_is_forgotten() -> None:
    """No more invocations are remembered than there is room for."""
    lacking = Lacking(2)
    for number in range(3):
        lacking.note(replace(HEAD, id=f"inv_{number}"), ALL, journal())
    known = [lacking.first_of(replace(HEAD, id=f"inv_{number}"), GROUP) for number in range(3)]
    assert known == [None, 2, 2]


@pytest.mark.parametrize(
    ("tree", "leaf", "group"),
    [
        (ALL, 2, GROUP),
        (Awaiting(combinator=ALL_SUCCEEDED_OR_FIRST_FAILED, completions=GROUP), 2, GROUP),
        (Awaiting(combinator=FIRST_COMPLETED, signals=(1,), nested=(ALL,)), 2, GROUP),
        # What waits for the first of its children waits for no other.
        (Awaiting(combinator=FIRST_COMPLETED, completions=GROUP), 2, ()),
        # It may be what either of two was waiting for.
        (Awaiting(combinator=FIRST_COMPLETED, nested=(ALL, ALL)), 2, ()),
        # The nested node may fail with it, and the tree with that, whatever is missing elsewhere.
        (
            Awaiting(
                combinator=ALL_SUCCEEDED_OR_FIRST_FAILED,
                completions=(8, 10),
                nested=(Awaiting(combinator=ALL_SUCCEEDED_OR_FIRST_FAILED, completions=GROUP),),
            ),
            2,
            (),
        ),
        (Awaiting(combinator=ALL_COMPLETED, completions=(8, 10), nested=(ALL,)), 2, (8, 10)),
    ],
)
def test_the_group_around_a_leaf(tree: Awaiting, leaf: int, group: tuple[int, ...]) -> None:
    """A group is said only where a missing member of it means that the leaf does not resolve the tree."""
    assert group_around(tree, ("c", leaf)) == group
