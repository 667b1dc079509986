"""Await trees against an evaluator of their own: nobody sleeps through, nobody is woken for what he has had."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast_engine.journal import Journal, is_success, leaf_of
from holdfast_engine.records import Awaiting
from holdfast_engine.trees import combine, group_around, mentions, resolves_alone
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import HEADER_BYTES
from tests.properties.engine import strategies as own
from tests.properties.engine.test_journal_properties import journal_of

# The meaning of the numbers, by the protocol's own words.
ALL = pb.Future.ALL_COMPLETED
FIRST_SUCCEEDED = pb.Future.FIRST_SUCCEEDED_OR_ALL_FAILED
ALL_SUCCEEDED = pb.Future.ALL_SUCCEEDED_OR_FIRST_FAILED
nows = st.integers(own.NOW_MS - 4, own.NOW_MS + 4)


def states(tree: Awaiting, journal: Journal, now_ms: int) -> list[str]:
    """Return the state of each child of a node: open, success or failure."""
    leaves = [("c", number) for number in tree.completions]
    leaves += [("s", number) for number in tree.signals]
    named: list[tuple[str, int | str]] = [*leaves, *(("n", name) for name in tree.names)]
    return [_leaf(leaf, journal, now_ms) for leaf in named] + [evaluate(node, journal, now_ms) for node in tree.nested]


def _leaf(leaf: tuple[str, int | str], journal: Journal, now_ms: int) -> str:
    found = "open"
    for entry in journal.entries:
        if entry[0] < 0x80:
            continue
        message = pb.Notification.FromString(entry[HEADER_BYTES:])
        kind = {"completion_id": "c", "signal_id": "s", "signal_name": "n"}[message.WhichOneof("id") or "completion_id"]
        number = {"c": message.completion_id, "s": message.signal_id, "n": message.signal_name}[kind]
        if (kind, number) == leaf:
            found = "failure" if message.WhichOneof("result") == "failure" else "success"
            if kind == "c":
                # Of completions the first counts, of signals the latest is what may be news.
                return found
    if found == "open" and leaf[0] == "c" and journal.sleeps.get(int(leaf[1]), now_ms + 1) <= now_ms:
        return "success"
    return found


def evaluate(tree: Awaiting, journal: Journal, now_ms: int) -> str:
    """Return what a tree comes to, by the rules of the protocol, written down case by case."""
    children = states(tree, journal, now_ms)
    open_, failed, succeeded = children.count("open"), children.count("failure"), children.count("success")
    if tree.combinator == ALL:
        return "open" if open_ else "success"
    if tree.combinator == FIRST_SUCCEEDED:
        return "success" if succeeded else "open" if open_ else "failure"
    if tree.combinator == ALL_SUCCEEDED:
        return "failure" if failed else "open" if open_ else "success"
    return next((child for child in children if child != "open"), "open")


@given(own.trees(), own.entries(), nows)
def test_with_everything_new_a_tree_is_what_it_comes_to(tree: Awaiting, entries: list[bytes], now_ms: int) -> None:
    """When the attempt had seen nothing of it, an invocation goes on exactly when its tree is resolved."""
    journal = journal_of(entries)
    assert journal.has_resolved(tree, now_ms=now_ms, signals_from=0) == (evaluate(tree, journal, now_ms) != "open")


@given(own.trees(with_signals=False), own.entries(), nows, st.integers(0, 30))
def test_completions_do_not_wear_out(tree: Awaiting, entries: list[bytes], now_ms: int, seen: int) -> None:
    """A tree without signals is resolved by what is there, whether an attempt has seen it or not."""
    journal = journal_of(entries)
    expected = evaluate(tree, journal, now_ms) != "open"
    assert journal.has_resolved(tree, now_ms=now_ms, signals_from=seen) == expected


@given(own.trees(), own.entries(), nows, st.integers(0, 30))
def test_nobody_goes_on_with_an_open_tree(tree: Awaiting, entries: list[bytes], now_ms: int, seen: int) -> None:
    """Whatever was seen: while a tree is open its invocation rests."""
    journal = journal_of(entries)
    if evaluate(tree, journal, now_ms) == "open":
        assert not journal.has_resolved(tree, now_ms=now_ms, signals_from=seen)


@given(own.trees(with_completions=False), own.entries(), nows)
def test_signals_that_were_seen_are_used_up(tree: Awaiting, entries: list[bytes], now_ms: int) -> None:
    """An attempt that was given all signals there are and waits for signals again waits for new ones."""
    journal = journal_of(entries)
    assert not journal.has_resolved(tree, now_ms=now_ms, signals_from=len(journal))


@given(own.trees(), own.entries(), own.entries(), nows)
def test_whatever_makes_a_tree_resolved_wakes(
    tree: Awaiting, seen: list[bytes], arrived: list[bytes], now_ms: int
) -> None:
    """A tree that was open when its attempt suspended lets the invocation go on as soon as it is not."""
    journal = journal_of(seen)
    if evaluate(tree, journal, now_ms) != "open":
        return
    signals_from = len(journal)
    for entry in arrived:
        journal.add(entry)
    expected = evaluate(tree, journal, now_ms) != "open"
    assert journal.has_resolved(tree, now_ms=now_ms, signals_from=signals_from) == expected


def _depends_on_order(tree: Awaiting, *, is_told_apart: bool) -> bool:
    is_first = tree.combinator not in (ALL, FIRST_SUCCEEDED, ALL_SUCCEEDED)
    tells = tree.combinator in (FIRST_SUCCEEDED, ALL_SUCCEEDED) or (is_first and is_told_apart)
    return (is_first and is_told_apart) or any(_depends_on_order(node, is_told_apart=tells) for node in tree.nested)


@given(own.trees(), own.entries(), own.entries(), nows)
def test_what_arrives_never_puts_to_sleep(tree: Awaiting, seen: list[bytes], arrived: list[bytes], now_ms: int) -> None:
    """An invocation that may go on still may when more has arrived, unless what is named first in its tree decides."""
    # Where the first of several counts for a node that tells success from failure: of those that are there the one
    # that is named first counts, and that may have come last.
    assume(not _depends_on_order(tree, is_told_apart=False))
    journal = journal_of([entry for entry in seen if entry[0] >= 0x80])
    before = journal.has_resolved(tree, now_ms=now_ms, signals_from=0)
    for entry in arrived:
        if entry[0] >= 0x80:
            journal.add(entry)
    assert not before or journal.has_resolved(tree, now_ms=now_ms, signals_from=0)


@given(st.integers(0, 9), st.lists(st.sampled_from([True, False, None]), max_size=6))
def test_a_node_is_open_only_with_an_open_child(combinator: int, children: list[bool | None]) -> None:
    """Children that are all resolved resolve their node, whatever the combinator."""
    if children and None not in children:
        assert combine(combinator, children) is not None


@given(own.trees(), own.entries(), own.entries(), nows)
def test_whoever_resolves_a_tree_finds_nothing_missing(
    tree: Awaiting, seen: list[bytes], arrived: list[bytes], now_ms: int
) -> None:
    """The notification that resolves a tree does so alone, or stands in it and all of its group are there."""
    journal = journal_of(seen)
    for entry in arrived:
        if entry[0] < 0x80:
            continue
        was_open = evaluate(tree, journal, now_ms) == "open"
        journal.add(entry)
        if not was_open or evaluate(tree, journal, now_ms) == "open":
            continue
        leaf = leaf_of(entry)
        if resolves_alone(tree, leaf, is_success=is_success(entry)):
            continue
        assert mentions(tree, leaf)
        for number in group_around(tree, leaf):
            assert ("c", number) in journal.resolved or number in journal.sleeps


@given(own.trees(), own.entries(), nows)
def test_what_resolves_alone_does_so_in_an_empty_journal(tree: Awaiting, arrived: list[bytes], now_ms: int) -> None:
    """A notification resolves a tree alone exactly when it does so where nothing else has come."""
    for entry in arrived:
        if entry[0] >= 0x80:
            alone = evaluate(tree, journal_of([entry]), now_ms) != "open"
            assert resolves_alone(tree, leaf_of(entry), is_success=is_success(entry)) == alone
