"""Why an invocation does not move, in one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast_engine.ids import child_id
from holdfast_engine.records import (
    Awaiting,
    Head,
    Kind,
    LastFailure,
    Lock,
    Page,
    Status,
    Target,
)
from holdfast_engine.spoken import cut, moment, ordinal, span, until
from holdfast_engine.stuck import Evidence, Line, Queue, Reason, reason_of
from holdfast_protocol.ids import encode_awakeable_id, encode_invocation_id
from holdfast_protocol.messages import MessageType
from tests.support import wire_frames as f

NOW = 1_800_000_000_000
HOUR = 3_600_000
RAW = bytes(range(24))
ID = encode_invocation_id(RAW)
OTHER = encode_invocation_id(bytes(24))
T = MessageType


def head(status: Status, **fields: Any) -> Head:
    base = Head(
        id=ID,
        target=Target(service="O", key="k", handler="add"),
        kind=Kind.EXCLUSIVE,
        status=status,
        epoch=2,
        created_ms=NOW - 5 * HOUR,
        modified_ms=NOW - 3 * HOUR,
        page=Page(epoch=2, base=0, frames=()),
        nonce="",
    )
    return replace(base, **fields)


def said(
    of: Head,
    *entries: bytes,
    queue: Queue | None = None,
    others: dict[str, str] | None = None,
    line: Line | None = None,
    is_served: bool = True,
) -> Reason | None:
    return reason_of(
        Evidence(head=of, entries=entries, queue=queue, line=line, others=others or {}, is_served=is_served, now_ms=NOW)
    )


def sentence(of: Head, *entries: bytes, **known: Any) -> str:
    reason = said(of, *entries, **known)
    assert reason is not None
    return reason.sentence


def suspended(*completions: int, **tree: Any) -> Head:
    return head(Status.SUSPENDED, awaiting=Awaiting(**{"combinator": 1, "completions": completions, **tree}))


def test_what_moves_or_has_ended_needs_no_reason() -> None:
    """An invocation that runs, has just become ready, holds its key or has completed is not stuck."""
    assert said(head(Status.RUNNING, lease_until_ms=NOW + 1)) is None
    assert said(head(Status.RUNNING, lease_until_ms=0)) is None
    assert said(head(Status.READY, modified_ms=NOW - 1)) is None
    assert said(head(Status.COMPLETED)) is None
    own = Lock(next=5, serving=4, holder=ID, applied=-1)
    assert said(head(Status.QUEUED), queue=Queue(lock=own, place=1)) is None


def test_a_call_names_the_callee_and_why_that_one_waits() -> None:
    """Who waits for a call is told its target, its id, since when, and what keeps the callee."""
    entries = (
        f.input_(),
        f.call("Payment", "charge", (1, 2)),
        f.completion(T.CALL_INVOCATION_ID_COMPLETION, 1, invocation_id=OTHER),
    )
    expected = f"waits for the call of Payment/charge ({OTHER}) since 3 h"
    assert sentence(suspended(2), *entries) == expected
    reason = said(suspended(2), *entries, others={OTHER: "is paused since 1 h"})
    assert reason is not None
    assert reason.sentence == f"{expected}, which is paused since 1 h"
    assert reason.invocation_ids == (OTHER,)


def test_an_awakeable_is_named_as_its_resolver_knows_it() -> None:
    """The public id of the awakeable is in the sentence, and the cancel signal that always rides along is not."""
    awakeable = encode_awakeable_id(RAW, 17)
    reason = said(suspended(signals=(1, 17)), f.input_())
    assert reason is not None
    assert reason.sentence == f"waits for awakeable {awakeable} since 3 h"
    assert reason.awakeable_ids == (awakeable,)


def test_a_sleep_says_until_when() -> None:
    """Who only sleeps says when it wakes up, and how far off that is."""
    reason = said(suspended(1), f.input_(), f.sleep(1, NOW + 2 * HOUR))
    assert reason is not None
    assert reason.sentence == "sleeps until 2027-01-15T10:00:00Z (in 2 h)"
    assert reason.until_ms == NOW + 2 * HOUR
    assert "the end of time" in sentence(suspended(1), f.input_(), f.sleep(1, 2**63))


@pytest.mark.parametrize(
    ("combinator", "words"),
    [
        (1, "the first of"),
        (2, "all of"),
        (3, "the first success of"),
        (4, "all of, or the first failure of"),
        (0, "the"),
    ],
)
def test_several_things_are_joined_as_their_combinator_says(combinator: int, words: str) -> None:
    """First of, all of: the sentence tells how the awaited things belong together, and skips those that are in."""
    entries = (f.input_(), f.run(1, "a"), f.run_result(1), f.sleep(2, NOW + HOUR))
    tree = suspended(1, 2, combinator=combinator, names=("go",))
    text = sentence(tree, *entries)
    assert text.startswith(f"waits since 3 h for {words}")
    assert text.endswith("a sleep until 2027-01-15T09:00:00Z (in 1 h); signal 'go'")


def test_many_things_are_counted() -> None:
    """A fan-out over a hundred calls names the first and counts the rest."""
    tree = suspended(combinator=2, signals=tuple(range(17, 117)))
    assert sentence(tree, f.input_()).endswith("and 95 more")


def test_what_is_nested_is_awaited_too() -> None:
    """A leaf deep in the tree is found."""
    tree = suspended(nested=(Awaiting(combinator=2, names=("deep",)),))
    assert sentence(tree, f.input_()) == "waits for signal 'deep' since 3 h"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (f.run(9, "pay"), "waits for the result of a run named 'pay', which no attempt has stored yet since 3 h"),
        (f.get_promise("p", 9), "waits for promise 'p' of O/k since 3 h"),
        (f.attach(9, invocation_id=OTHER), f"waits for the result of {OTHER} since 3 h"),
        (b"", "waits for the answer to a command that its journal does not hold since 3 h"),
    ],
)
def test_each_command_is_awaited_in_words(entry: bytes, expected: str) -> None:
    """A run, a promise, another's result, even an unknown command: each has its words."""
    assert sentence(suspended(9), f.input_(), *([entry] if entry else [])) == expected


def test_a_waiter_for_a_key_is_told_its_place_and_who_is_ahead() -> None:
    """Fourth in line, behind whom, and what that one does."""
    lock = Lock(next=9, serving=4, holder=OTHER, applied=-1)
    queue = Queue(lock=lock, place=4)
    expected = f"is 4th in line for key 'k' of O behind {OTHER}"
    assert sentence(head(Status.QUEUED), queue=queue) == expected
    sleeping = {OTHER: "sleeps until 2027-01-15T10:00:00Z (in 2 h)"}
    assert sentence(head(Status.QUEUED), queue=queue, others=sleeping) == f"{expected}, which {sleeping[OTHER]}"
    unheld = Queue(lock=replace(lock, holder=None), place=None)
    assert "nobody holds" in sentence(head(Status.QUEUED), queue=unheld)


def test_a_retry_says_which_attempt_why_and_when() -> None:
    """How many attempts have failed, the last error with its place, and the time of the next."""
    failure = LastFailure(code=503, message="bank is\ndown", command_index=3, command_name="pay", at_ms=NOW)
    trying = head(Status.BACKING_OFF, failed_attempts=7, last_failure=failure, retry_at_ms=NOW + 30_000)
    assert sentence(trying) == (
        "is retrying: attempt 7 failed with [503] bank is down at command 3 'pay'; "
        "next try at 2027-01-15T08:00:30Z (in 30 s)"
    )
    assert sentence(replace(trying, retry_at_ms=NOW)).endswith("next try at once")


def test_a_pause_tells_the_operator_from_the_policy() -> None:
    """Who was paused by its last failure says so; who was paused by hand says that, whatever failed before."""
    failure = LastFailure(code=500, message="no", at_ms=NOW - 3 * HOUR)
    by_policy = head(Status.PAUSED, last_failure=failure)
    assert sentence(by_policy) == (
        "is paused since 3 h because an attempt failed for good with [500] no; it goes on when it is resumed"
    )
    assert "an operator paused it; it goes on" in sentence(head(Status.PAUSED))
    for cut_off in ("retry_at_ms", "lease_until_ms", "modified_ms"):
        by_hand = head(Status.PAUSED, last_failure=failure, **{cut_off: NOW})
        assert "an operator paused it; its last failure was [500] no" in sentence(by_hand)


def test_what_is_ready_and_not_taken_up_says_why() -> None:
    """Ready for long is a remark; ready for code that no deployment has is the reason."""
    assert "is ready since 3 h and no process has taken it up" in sentence(head(Status.READY))
    assert "no deployment that is registered has O/add" in sentence(head(Status.READY), is_served=False)


def test_who_stands_in_line_for_a_permit_is_told_the_limit() -> None:
    """The scope, its limits that are reached, and the place in its line."""
    scoped = head(Status.READY, target=Target(service="S", key=None, handler="work", scope="tenant"))
    assert sentence(scoped, line=Line(full=(("", 2), ("a/b", 1)), place=3)) == (
        "is 3rd in line in scope 'tenant', whose limits are reached: "
        "2 of the scope; 1 of limit key 'a/b' may run at a time"
    )


def test_a_silent_process_and_a_later_start_are_told() -> None:
    """A lease that is over names the silence; a delayed start names its time."""
    assert "went silent 1 h ago" in sentence(head(Status.RUNNING, lease_until_ms=NOW - HOUR))
    reason = said(head(Status.SCHEDULED, invoke_at_ms=NOW + HOUR))
    assert reason is not None
    assert (reason.sentence, reason.until_ms) == ("starts at 2027-01-15T09:00:00Z (in 1 h)", NOW + HOUR)


def test_times_and_numbers_are_said_as_people_do() -> None:
    """Two units, English ordinals, one line."""
    assert [span(ms) for ms in (5, 1_000, 61_000, HOUR, 25 * HOUR, 26 * HOUR + 1)] == [
        "less than 1 s",
        "1 s",
        "1 min 1 s",
        "1 h",
        "1 d 1 h",
        "1 d 2 h",
    ]
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    ]
    assert until(NOW - 1000, now_ms=NOW) == f"{moment(NOW - 1000)} (1 s ago)"
    assert cut("a  b\nc", chars_max=4) == "a b…"


def test_a_child_has_the_id_the_sentence_names() -> None:
    """The ids in the sentence are those one can look up: derived from parent and command, as the engine does."""
    callee = child_id("S", parent_id=ID, nonce="aa" * 12, completion_id=1)
    entries = (f.input_(), f.call("S", "work", (1, 2)))
    told = f.completion(T.CALL_INVOCATION_ID_COMPLETION, 1, invocation_id=callee)
    reason = said(suspended(2), *entries, told)
    assert reason is not None
    assert reason.invocation_ids == (callee,)
